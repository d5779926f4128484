"""Other codecs through Pillow: real files, and what is missing says so."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.bench.baselines import BASELINES, Baseline
from codec.bench.cache import SampleCache, default_cache
from codec.bench.kodak import image_digest, published_curves, why_not_kodak
from codec.bench.libraries import MissingLibraryError, library
from codec.contract import RGB
from tests.support.photographs import PHOTOS, picture

SLOW = [baseline for baseline in BASELINES if baseline.options.get("speed") == 2]
FAST = [baseline for baseline in BASELINES if baseline not in SLOW]


@pytest.fixture
def forget_libraries() -> Iterator[None]:
    """Look again in this test, and again after it."""
    library.cache_clear()
    yield
    library.cache_clear()


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.id)
def test_files_come_back_and_quality_costs_bytes(baseline: Baseline) -> None:
    image = picture(64, 96)
    library(baseline.format)
    low, high = (
        baseline.encode(image, quality) for quality in (baseline.qualities[1], baseline.qualities[-1])
    )
    assert len(low) < len(high) < image.size
    error = baseline.decode(high).astype(float) - image
    assert np.sqrt((error**2).mean()) < 12.0  # the right channels in the right order
    assert baseline.encode(image, baseline.qualities[1]) == low


@pytest.mark.parametrize("baseline", FAST, ids=lambda baseline: baseline.id)
def test_one_image_at_every_quality(baseline: Baseline) -> None:
    image = picture(170, 180)
    samples = baseline.measure(image)
    assert [sample.quality for sample in samples] == list(baseline.qualities)
    assert samples[0].psnr_db < samples[-1].psnr_db
    assert all((sample.width, sample.height) == (180, 170) for sample in samples)
    assert samples[3].num_bytes == len(baseline.encode(image, baseline.qualities[3]))


def test_settings_reach_the_encoder() -> None:
    by_id = {baseline.id: baseline for baseline in BASELINES}
    image = picture(64, 64)
    for name, sampling in (("jpeg_420", (2, 2)), ("jpeg_444", (1, 1))):
        with Image.open(io.BytesIO(by_id[name].encode(image, 50))) as file:
            assert file.layer[0][1:3] == sampling  # type: ignore[attr-defined]
    assert by_id["heic_420"].encode(image, 60) != by_id["heic_444"].encode(image, 60)
    assert by_id["avif_s2_444"].encode(image, 60) != by_id["avif_s2_444_psnr"].encode(image, 60)


def test_ids_are_names() -> None:
    ids = [baseline.id for baseline in BASELINES]
    assert len(ids) == len(set(ids))
    assert all(len(baseline.qualities) >= 4 for baseline in BASELINES)  # else no BD-rate


@pytest.mark.parametrize(("name", "module"), [("JXL", "pillow_jxl"), ("HEIF", "pillow_heif")])
def test_a_missing_library_says_what_to_install(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch, forget_libraries: None
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingLibraryError, match=r"not installed: pip install 'tenfold\[bench\]'"):
        library(name)


def test_a_pillow_without_a_format_says_so(monkeypatch: pytest.MonkeyPatch, forget_libraries: None) -> None:
    monkeypatch.setattr("codec.bench.libraries.features.check", lambda _: False)
    with pytest.raises(MissingLibraryError, match="built without AVIF"):
        library("AVIF")


def test_the_cache_gives_back_what_was_measured(tmp_path: Path, photo: RGB) -> None:
    webp = next(baseline for baseline in BASELINES if baseline.id == "webp_m6")
    cache, flat = SampleCache(tmp_path), np.zeros((8, 8, 3), np.uint8)
    assert cache.load(webp, image_digest(flat)) is None
    samples = webp.measure(flat)
    assert any(math.isinf(sample.psnr_db) for sample in samples)  # a flat image comes back identical
    cache.store(webp, image_digest(flat), samples)
    assert cache.load(webp, image_digest(flat)) == samples
    assert cache.load(webp, image_digest(photo)) is None
    assert not list(tmp_path.rglob("*.part"))


def test_the_cache_tells_settings_and_versions_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = FAST[0], FAST[1]
    cache = SampleCache(tmp_path)
    cache.store(first, "digest", [])
    assert cache.load(first, "digest") == []
    assert cache.load(second, "digest") is None
    monkeypatch.setattr("codec.bench.cache.library", lambda _: "a newer library")
    assert cache.load(first, "digest") is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"samples": [{"x": 1}]}', b"\xff"])
def test_a_damaged_cache_counts_as_none(tmp_path: Path, content: bytes) -> None:
    cache = SampleCache(tmp_path)
    cache.store(FAST[0], "digest", [])
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(content)
    assert cache.load(FAST[0], "digest") is None


def test_the_cache_lies_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "tenfold" / "bench"


def test_kodak_is_known_by_its_pixels() -> None:
    some = []
    for path in sorted(PHOTOS.glob("*.png")):
        with Image.open(path) as file:
            some.append(image_digest(np.asarray(file.convert("RGB"))))
    reason = why_not_kodak(some)
    assert reason is not None
    assert "of the 6 images here, 6 are of those" in reason
    assert "0 are of those" in str(why_not_kodak(["no such digest"] * 24))


def test_published_curves_name_their_source() -> None:
    curves = published_curves()
    assert {"vtm", "hm", "mbt2018_mean"} <= {curve.id for curve in curves}
    for curve in curves:
        assert curve.source.startswith("github:")
        rates = [point.bpp for point in curve.points]
        assert rates == sorted(rates)
        assert len(rates) >= 4
