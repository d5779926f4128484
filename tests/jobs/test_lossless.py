"""The lossless tiers through the whole road: compress, ls, decode, get, verify, and repair from the sources."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import tifffile

import jobs.compress
import pipeline.compress.run_codec
import pipeline.decode.resident_codecs
import pipeline.encode.tasks
from pipeline.decode.archive import Archive
from pipeline.image.read import read_image
from pipeline.types import Image
from tests.support.image_files import EXIF, ICC, file_of, waves
from tests.support.plain_codec import load_plain
from tests.support.road import Ran, tenfold

FIELD = np.sin(np.arange(60)[:, None] / 9.0) * np.cos(np.arange(80) / 7.0)


def _screenshot(mode: str = "RGB") -> PIL.Image.Image:
    pixels = np.full((60, 90, 3), 250, np.uint8)
    pixels[:8] = (30, 90, 160)
    pixels[20:44:2, :45] = (np.random.default_rng(5).integers(0, 2, (12, 45)) * 200).astype(np.uint8)[
        ..., None
    ]
    picture = PIL.Image.fromarray(pixels).convert(mode)
    if mode == "RGBA":
        picture.putalpha(PIL.Image.linear_gradient("L").resize(picture.size))
    return picture


def _photo() -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(waves(3)))


def _tiff(samples: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)
    return stream.getvalue()


FILES = {
    "camera.jpg": file_of(_photo(), "JPEG", exif=EXIF, icc_profile=ICC, quality=99),
    "flat.jpg": file_of(PIL.Image.new("RGB", (64, 64), (90, 120, 30)), "JPEG"),
    "photo.png": waves(3),
    "shot.png": file_of(_screenshot(), exif=EXIF, icc_profile=ICC),
    "clear.png": file_of(_screenshot("RGBA")),
    "lines.png": file_of(_screenshot("L")),
    "palette.gif": file_of(_screenshot("P"), "GIF"),
    "one.png": file_of(PIL.Image.new("RGB", (1, 1), (1, 2, 3))),
    "deep.tif": _tiff(((FIELD + 1) * 30000).astype(np.uint16)),
    "float.tif": _tiff(FIELD.astype(np.float32)),
    "cmyk.tif": _tiff(np.full((30, 40, 4), 9, np.uint8), photometric="separated"),
}


@pytest.fixture(autouse=True, scope="module")
def _plain_codec() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (pipeline.decode.resident_codecs, pipeline.compress.run_codec, pipeline.encode.tasks):
            patch.setattr(module, "load_codec", load_plain)
        patch.setattr(jobs.compress, "check_codec", lambda codec_id, _: load_plain(codec_id))
        yield


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return folder


def _compress(source: Path, archive: Path, *words: str) -> dict[str, tuple[str, str | None]]:
    """Status and packing of every image."""
    ran: Ran = tenfold(
        "compress",
        source,
        archive,
        "--workers",
        "0",
        "--codec",
        "plain",
        "--quality",
        "20",
        "--min-psnr",
        "0",
        *words,
    )
    assert ran.code == 0, ran.err
    assert ("codec's weights" in ran.out) == (archive / "codec").exists()
    rows = Archive(str(archive)).rows()
    return {row.key: (row.status, row.packing) for row in rows}


def _comes_back(archive: Path, key: str) -> None:
    """As its status says."""
    held, row = Archive(str(archive)), Archive(str(archive)).row(key)
    data = FILES[key]
    if row.status == "kept":
        assert held.file(key).data == data
        return
    original, image = read_image(data), held.image(key)
    assert isinstance(original, Image)
    assert np.array_equal(image.pixels, original.pixels)
    assert image.carried == original.carried
    for name in ("exif", "icc", "xmp", "alpha", "mode", "orientation"):
        assert getattr(image, name) == getattr(original, name), name
    assert np.array_equal(
        np.asarray(held.get(key).convert("RGBA")), np.asarray(_opened(data).convert("RGBA"))
    )


def _opened(data: bytes) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(data))


def test_by_default_drawings_and_tiny_images_lose_nothing(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    found = _compress(source, archive)
    lossless = {key for key, (status, _) in found.items() if status == "lossless"}
    assert lossless == {"shot.png", "clear.png", "lines.png", "palette.gif", "one.png"}
    assert {key for key, (status, _) in found.items() if status == "coded"} == {
        "camera.jpg",
        "flat.jpg",
        "photo.png",
    }
    assert found["deep.tif"] == ("kept", "grid-jxl")
    for key in set(FILES) - {"camera.jpg", "flat.jpg", "photo.png"}:
        _comes_back(archive, key)
    looked = tenfold("verify", archive, "--level", "decode", "--workers", "0", "--json").json()
    assert looked["sound"], looked["problems"]
    assert tenfold("decode", archive, tmp_path / "back", "--workers", "0").code == 0
    assert (tmp_path / "back/deep.tif").read_bytes() == FILES["deep.tif"]
    (row,) = (row for row in Archive(str(archive)).rows() if row.key == "shot.png")
    assert (row.payload_length or 0) < len(FILES["shot.png"])
    assert row.psnr_db is None
    assert row.reason == f"{len(_screenshot().getcolors() or ())} colours"


def test_lossless_loses_nothing_and_takes_less(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    found = _compress(source, archive, "--lossless")
    assert {status for status, _ in found.values()} == {"lossless", "kept"}
    assert found["camera.jpg"] == ("kept", "lepton")
    assert found["flat.jpg"][0] == "kept", "though its pixels take less"
    for key in FILES:
        _comes_back(archive, key)
    held = sum(row.payload_length or 0 for row in Archive(str(archive)).rows())
    assert held < 0.8 * sum(map(len, FILES.values()))
    assert not (archive / "codec").exists()
    assert tenfold("verify", archive, "--level", "decode", "--workers", "0").code == 0


def test_globs_and_never(source: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text('lossless: ["*.jpg", "photo.*"]\n')
    found = _compress(source, tmp_path / "globs", "--config", str(config))
    assert found["camera.jpg"] == ("kept", "lepton")
    assert found["photo.png"] == ("lossless", "jxl")
    assert found["shot.png"][0] == "lossless"
    config.write_text("lossless: never\n")
    found = _compress(source, tmp_path / "never", "--config", str(config))
    assert found["shot.png"][0] == "coded"


def test_samples_within_a_bound(source: Path, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    found = _compress(source, archive, "--max-error", "0.01")
    assert found["float.tif"] == ("bounded", "grid-zfp")
    assert found["deep.tif"] == ("kept", "grid-jxl")
    row = Archive(str(archive)).row("float.tif")
    back = tifffile.imread(io.BytesIO(Archive(str(archive)).file("float.tif").data))
    assert row.max_error is not None
    assert 0 < row.max_error <= 0.01
    assert np.abs(back.astype(float) - FIELD.astype(np.float32)).max() == row.max_error
    looked = tenfold("verify", archive, "--level", "decode", "--workers", "0", "--json").json()
    assert looked["sound"], looked["problems"]
    assert looked["compared"] == len(FILES)  # kept files too: as bytes
    assert tenfold("compress", source, archive, "--lossless", "--max-error", "1").code == 2


@pytest.mark.parametrize(
    "words", [(), ("--lossless",), ("--max-error", "0.01")], ids=["auto", "lossless", "bound"]
)
def test_what_is_lost_comes_back_in_its_tier(source: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    archive = tmp_path / "archive"
    before = _compress(source, archive, *words)
    shutil.rmtree(archive / "shards")
    mended = tenfold("repair", archive, "--workers", "0", "--json")
    assert mended.code == 0, mended.out
    assert {row.key: (row.status, row.packing) for row in Archive(str(archive)).rows()} == before
