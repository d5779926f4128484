"""The comparison over a real archive: measured once, kept in it, and never stopped by one image."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from codec.bench.judges.kernel_distance import MOST_WINDOWS, Windows
from codec.bench.judges.trained_on import judges_of_training
from codec.bench.lossless import LOSSLESS
from codec.codec import Codec
from codec.contract import FAITHFUL, RGB, Decoder, Latents
from codec.family import OtherDecoder
from codec.metrics import psnr_db
from codec.registry import load_codec
from pipeline.archive.catalogue import Catalogue
from pipeline.compress.run import CompressRun
from pipeline.config import CodecConfig, CompressConfig, WorkersConfig
from pipeline.decode.archive import Archive
from pipeline.decode.decoder_choice import configs_of_files
from pipeline.errors import StorageError
from pipeline.image.read import read_image
from pipeline.report import Sampling, catalogue_report, report_html, report_markdown, with_comparison
from pipeline.report.as_json import comparison_json
from pipeline.report.comparison.judging import judge_id, reported_judges
from pipeline.report.comparison.methods import (
    FIDELITY,
    PICTURES,
    Curve,
    Fidelity,
    Method,
    Result,
    Score,
    SetScore,
    Size,
    available_methods,
)
from pipeline.report.comparison.results import comparison_results
from pipeline.report.comparison.run import ComparedImage, Comparison, run_comparison
from pipeline.report.phrases import judged_rows
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from pipeline.types import Image as Decoded
from tests.support.image_archives import fill
from tests.support.shard_rows import make_row

CONFIG = CompressConfig(codec=CodecConfig(id="ae-zfp-1", quality=30), workers=WorkersConfig(count=0))
LOSSY = ["jpeg_420"]


@pytest.fixture(autouse=True)
def _few_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that lose nothing, one that does, and our own measures: enough to tell what the comparison does."""
    here, left_out = available_methods()
    few = [one for one in here if one.id in ("zip_pixels", "png", FIDELITY, *LOSSY)]
    monkeypatch.setattr("pipeline.report.comparison.run.available_methods", lambda: (few, left_out))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """A folder with source/ of two pieces of a photo and an animation, and archive/."""
    folder = tmp_path_factory.mktemp("contest")
    (folder / "source").mkdir()
    with Image.open(photos / "kodim23.png") as photo:
        for number, left in enumerate((0, 300)):
            photo.crop((left, 100, left + 176, 276)).save(folder / "source" / f"{number}.png")
        frames = [photo.crop((at, 0, at + 20, 20)) for at in (0, 40)]
        frames[0].save(folder / "source" / "moving.gif", save_all=True, append_images=frames[1:])
    source = parse_source(str(folder / "source"))
    CompressRun(source, Storage(folder / "archive"), CONFIG).run()
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of the archive that a test may change; the catalogue still names the sources of the original."""
    shutil.copytree(original / "archive", tmp_path / "archive")
    return tmp_path


@pytest.fixture
def hidden_source(original: Path) -> Iterator[Path]:
    """The source, moved away for a test."""
    (original / "source").rename(original / "hidden")
    yield original / "hidden"
    (original / "hidden").rename(original / "source")


def held(archive: Path, *, shown: tuple[str, ...] = ()) -> Comparison:
    storage = Storage(archive)
    catalogue = Catalogue(storage)
    return run_comparison(storage, catalogue, CONFIG, drawn=["0.png", "1.png", "moving.gif"], shown=shown)


def test_the_numbers_are_those_of_the_images(folder: Path, original: Path) -> None:
    comparison = held(folder / "archive", shown=("0.png",))
    assert {entry.row.key for entry in comparison.entries} == {"0.png", "1.png"}
    assert "animation" in comparison.absent["moving.gif"]
    assert comparison.not_cached is None
    (entry,) = [entry for entry in comparison.entries if entry.row.key == "0.png"]
    image = read_image((original / "source" / "0.png").read_bytes())
    assert isinstance(image, Decoded)
    ours = Archive(str(folder / "archive")).image("0.png")
    fidelity = entry.results[FIDELITY]
    assert isinstance(fidelity, Fidelity)
    assert fidelity.psnr_db == pytest.approx(psnr_db(image.pixels, ours.pixels), abs=0.02)
    assert fidelity.psnr_db == pytest.approx(entry.row.psnr_db, abs=0.02)
    png, curve = entry.results["png"], entry.results["jpeg_420"]
    with Image.open(original / "source" / "0.png") as opened:
        opened.convert("RGB").save(folder / "again.png", optimize=True)
    assert png == Size(num_bytes=(folder / "again.png").stat().st_size)
    assert isinstance(curve, Curve)
    assert len(curve.samples) >= 6
    shown = comparison.pictures["0.png"]
    assert shown.original is not None
    assert (shown.width, shown.height, shown.is_whole) == (176, 176, True)


def test_results_are_sums_over_the_same_images(folder: Path) -> None:
    comparison = held(folder / "archive")
    found = comparison_results(comparison)
    assert found.ours is not None
    assert found.ours.images == 2
    assert found.ours.ratio == pytest.approx(
        3 * 2 * 176 * 176 / sum(entry.row.payload_length or 0 for entry in comparison.entries)
    )
    (zipped,) = [one for one in found.lossless if one.method.id == "zip_pixels"]
    assert zipped.raw_bytes == 3 * 2 * 176 * 176
    assert zipped.num_bytes == sum(
        size.num_bytes
        for entry in comparison.entries
        if isinstance(size := entry.results["zip_pixels"], Size)
    )
    (jpeg,) = found.lossy
    matched = jpeg.times_ours
    assert matched.inside + matched.below + matched.above == 2


def test_an_image_that_comes_back_exactly_takes_no_point_from_the_curves(folder: Path) -> None:
    comparison = held(folder / "archive")
    points = comparison_results(comparison).lossy[0].points
    entry = comparison.entries[0]
    name, curve = next((name, one) for name, one in entry.results.items() if isinstance(one, Curve))
    exact = Curve(samples=(*curve.samples[:-1], replace(curve.samples[-1], psnr_db=math.inf)))
    flat = replace(entry, results={**entry.results, name: exact})
    comparison.entries.append(flat)
    found = comparison_results(comparison)
    assert (found.given_back, found.lossy[0].points) == (1, points)
    assert found.ours is not None
    assert found.ours.images == 2
    comparison.entries[:] = [flat, flat, entry]
    assert comparison_results(comparison).given_back == 0, "fewer than half would be left"


def test_a_second_comparison_measures_nothing(folder: Path, request: pytest.FixtureRequest) -> None:
    first = held(folder / "archive", shown=("0.png",))
    request.getfixturevalue("hidden_source")  # nor is the source needed any more
    again = held(folder / "archive", shown=("0.png",))
    assert [entry.results for entry in again.entries] == [entry.results for entry in first.entries]
    assert again.pictures == first.pictures
    assert again.from_cache == 2  # what could not be compared is tried again


@pytest.mark.parametrize("damage", [b"", b'{"entries": [{"identity": 1}]}'])
def test_damaged_cache_entries_are_measured_again(folder: Path, damage: bytes) -> None:
    first = held(folder / "archive")
    kept = sorted((folder / "archive" / "comparisons").rglob("*.json"))
    before = [path.read_bytes() for path in kept]
    for path in kept:
        path.write_bytes(damage)
    again = held(folder / "archive")
    assert again.from_cache == 0
    assert [entry.results for entry in again.entries] == [entry.results for entry in first.entries]
    assert [path.read_bytes() for path in kept] == before  # equal numbers have equal names


def test_another_library_counts_as_not_measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(folder / "archive")
    monkeypatch.setattr("pipeline.report.comparison.run.available_methods", lambda: (_renamed(), {}))
    assert held(folder / "archive").from_cache == 0


def _renamed() -> list[Method]:
    return [replace(one, library="a newer one") for one in available_methods()[0] if one.id == "png"]


def test_a_read_only_archive_costs_only_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Storage, path: str, data: bytes) -> None:
        raise StorageError(f"Expected to write {path}, got permission denied.")

    monkeypatch.setattr(Storage, "write", refuse)
    comparison = held(folder / "archive")
    assert len(comparison.entries) == 2
    assert "permission denied" in (comparison.not_cached or "")


def test_a_source_that_is_gone_leaves_pictures_and_a_reason(folder: Path, hidden_source: Path) -> None:
    comparison = held(folder / "archive", shown=("0.png",))
    assert comparison.entries == []
    assert set(comparison.absent) == {"0.png", "1.png", "moving.gif"}
    assert comparison.absent["0.png"] == "the source file is no longer there"
    assert comparison.pictures["0.png"].original is None
    storage = Storage(folder / "archive")
    made = catalogue_report(storage, Catalogue(storage), sampling=Sampling(count=5))
    made = with_comparison(made, storage, Catalogue(storage), CONFIG)
    assert "the source file is no longer there" in report_markdown(made)
    assert "nothing to hold it against" in report_html(made).decode()
    assert (comparison_json(made) or {})["compared"] == 0


def test_a_changed_source_and_a_lost_shard_are_reasons(folder: Path, original: Path) -> None:
    path = original / "source" / "1.png"
    before = path.read_bytes()
    path.write_bytes(before + b"more")
    try:
        assert "another version" in held(folder / "archive").absent["1.png"]
    finally:
        path.write_bytes(before)
    for shard in (folder / "archive" / "shards").rglob("*.parquet"):
        shard.unlink()
    shutil.rmtree(folder / "archive" / "comparisons")
    comparison = held(folder / "archive")
    assert all("does not give it back" in why for why in comparison.absent.values())
    assert len(comparison.absent) == 3


def test_one_method_that_fails_is_a_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_name: str) -> object:
        raise ValueError("no such image for me")

    monkeypatch.setattr("pipeline.report.comparison.worker.baseline_of", refuse)
    comparison = held(folder / "archive")
    assert len(comparison.entries) == 2
    assert comparison.entries[0].refused == {"jpeg_420": "no such image for me"}
    assert comparison_results(comparison).lossy == []


def test_what_runs_out_of_memory_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhaust(_name: str) -> object:
        raise MemoryError("too much")

    monkeypatch.setattr("pipeline.report.comparison.worker.baseline_of", exhaust)
    comparison = held(folder / "archive")
    assert len(comparison.entries) == 2
    assert all("out of memory" in entry.refused["jpeg_420"] for entry in comparison.entries)
    assert all("png" in entry.results for entry in comparison.entries)


def test_a_set_of_images_is_judged_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Method(id="kd_lite0", title="KD-lite0", kind="set", settings="as always", library="ours")
    monkeypatch.setattr("pipeline.report.comparison.run.available_methods", lambda: ([judge], {}))
    looked_at: list[int] = []

    def seen(classifier: str, original: RGB, decoded: RGB, *, most: int) -> Windows:
        looked_at.append(most)
        chance = np.random.default_rng(len(looked_at))
        original_features = chance.random((96, 8), np.float32)
        return Windows(original=original_features, decoded=original_features * np.float32(0.5))

    monkeypatch.setattr("pipeline.report.comparison.worker.windows_of", seen)
    score = held(folder / "archive").of_set["kd_lite0"]
    assert isinstance(score, SetScore)
    assert score.images == 2
    assert score.value > 0.2 > 10 * abs(score.floor)
    assert looked_at == [MOST_WINDOWS] * 2
    again = held(folder / "archive")
    assert again.of_set["kd_lite0"] == score
    assert len(looked_at) == 2


def test_ids_are_those_of_the_bench() -> None:
    here, _ = available_methods()
    assert len({one.id for one in here}) == len(here)
    assert {one.id for one in LOSSLESS} <= {one.id for one in here} | {"jxl_lossless"}
    assert PICTURES not in {one.id for one in here}


def test_another_decoder_is_measured_beside_the_faithful_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.decode.resident_codecs.load_codec", _with_negative)
    storage = Storage(folder / "archive")
    catalogue = Catalogue(storage)
    negative = OtherDecoder(name="negative", purpose="To tell.", generates=True)
    made = catalogue_report(storage, catalogue, sampling=Sampling())
    made = with_comparison(made, storage, catalogue, CONFIG, decoder=negative)
    assert made.results is not None
    ours = made.results.ours
    assert ours is not None
    (otherwise,) = ours.otherwise
    assert (otherwise.title, otherwise.images) == ("by negative (generated)", ours.images)
    assert (otherwise.psnr_db or 99.0) < (ours.psnr_db or 0.0) - 10.0
    for page in (report_markdown(made), report_html(made).decode()):
        assert "The same payloads by negative (generated): PSNR " in page
    plain = with_comparison(made, storage, catalogue, CONFIG)
    assert plain.results is not None
    assert plain.results.ours == replace(ours, otherwise=())


def test_a_decoder_is_not_judged_by_what_it_was_trained_on(tmp_path: Path) -> None:
    trained_on = [judges_of_training(config) for config in configs_of_files(Storage(tmp_path), "realistic")]
    assert frozenset({"LPIPS (AlexNet)", "spectral peaks"}) in trained_on
    judge = next(one for one in reported_judges().values() if one.name == "spectral peaks")
    method = Method(id=judge_id(judge), title=judge.name, kind="ours", settings="", library="")
    realistic = OtherDecoder(name="realistic", purpose="To tell.", generates=True)
    shown = method.by(realistic, files=("0123",), trained_on=trained_on[0])
    assert shown.is_trained_on
    assert shown.identity(payload_crc32c=1) != method.by(realistic, files=(), trained_on=()).identity(
        payload_crc32c=1
    )
    comparison = Comparison(methods=[method, shown], left_out={}, drawn=1)
    archive = fill(str(tmp_path / "a"), [make_row("a.png", codec="hyper-1", width=1, height=1)])
    (row,) = Catalogue(Storage(archive)).lookup(["a.png"])
    scores: dict[str, Result] = {one.id: Score(value=1.5) for one in (method, shown)}
    fidelity = Fidelity(psnr_db=30.0, ssim=None, ms_ssim=None)
    comparison.entries = [ComparedImage(row=row, results={FIDELITY: fidelity, **scores}, refused={})]
    ours = comparison_results(comparison).ours
    assert ours is not None
    assert [(name, score) for name, score, *_ in judged_rows(ours)] == [
        ("spectral peaks", "1.5000"),
        ("spectral peaks, by realistic (generated)", "1.5000*"),
    ]


class _Negative(Decoder):
    generates = True

    def __init__(self, faithful: Decoder) -> None:
        self._faithful = faithful

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        return [255 - pixels for pixels in self._faithful.synthesise(latents)]


def _with_negative(codec_id: str, **options: Any) -> Codec:
    codec = load_codec(codec_id, **options)
    codec.decoders = {**codec.decoders, "negative": _Negative(codec.decoders[FAITHFUL])}
    return codec
