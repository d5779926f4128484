"""The whole road over a folder of every format: each file comes back as its row says, byte for byte or pixel for pixel,
and whatever mark was hidden in one is in what comes back of it."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import jobs.compress
import pipeline.compress.run_codec
import pipeline.decode.resident_codecs
import pipeline.encode.tasks
from codec.metrics import psnr_db
from pipeline.decode.archive import Archive
from pipeline.image.read import read_image, to_rgb
from pipeline.packing.find_grid import find_grid
from pipeline.packing.grid import lift
from pipeline.types import Image
from tests.support.every_format import DAMAGED, EVERY_FORMAT
from tests.support.plain_codec import load_plain
from tests.support.road import Ran, tenfold

HERE = (
    "--workers",
    "0",
    "--others",
    "keep",
    "--sniff",
    "--codec",
    "plain",
    "--quality",
    "8",
    "--min-psnr",
    "0",
)
WAYS = {"default": (), "lossless": ("--lossless",), "bounded": ("--max-error", "0.75")}
NO_IMAGES = {"plain/array.npy", "plain/sidecar.xmp", "plain/notes.txt", "plain/empty.txt"}
SOURCE_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
LEFT_OUT = {"hIST", "iDOT", "sBIT"}
"""Chunks that speak of a palette or of data that are no more."""


@pytest.fixture(autouse=True, scope="module")
def _plain_codec() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (pipeline.decode.resident_codecs, pipeline.compress.run_codec, pipeline.encode.tasks):
            patch.setattr(module, "load_codec", load_plain)
        patch.setattr(jobs.compress, "check_codec", lambda codec_id, _: load_plain(codec_id))
        yield


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("every") / "source"
    for key, file in EVERY_FORMAT.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(file.data)
    return folder


@pytest.fixture(scope="module", params=WAYS)
def made(request: pytest.FixtureRequest, source: Path) -> tuple[Path, Ran]:
    """An archive of all files, and what making it said."""
    archive = source.parent / request.param
    return archive, tenfold("compress", source, archive, *HERE, *WAYS[request.param], "--json")


def test_every_file_is_a_row_and_the_numbers_agree(made: tuple[Path, Ran], source: Path) -> None:
    archive, ran = made
    assert ran.code == 3, ran.err
    said, listed = ran.json(), tenfold("ls", archive, "--json").json()
    assert {row["key"] for row in listed} == EVERY_FORMAT.keys()
    assert {row["key"] for row in listed if row["damaged"]} == {f"damaged/{name}" for name in DAMAGED}
    for status in ("coded", "lossless", "bounded", "kept", "failed"):
        assert said[status] == sum(row["status"] == status for row in listed), status
    assert said["failed"] == 0
    assert said["source_bytes"] == sum(len(file.data) for file in EVERY_FORMAT.values())
    on_disk = sum(path.stat().st_size for path in archive.rglob("*") if path.is_file())
    assert said["archive_bytes"] == pytest.approx(on_disk, rel=0.05)
    assert said["payload_bytes"] < min(on_disk, said["source_bytes"])
    again = tenfold("compress", source, archive, *HERE, "--json")
    assert (again.code, again.json()["images"], again.json()["unchanged"]) == (0, 0, len(EVERY_FORMAT))


def test_every_file_comes_back_as_its_row_says(made: tuple[Path, Ran]) -> None:
    archive, _ = made
    held = Archive(str(archive))
    statuses = set()
    for row in held.rows():
        statuses.add(row.status)
        data = EVERY_FORMAT[row.key].data
        if row.status == "kept":
            assert held.file(row.key).data == data, row.key
        elif row.status == "bounded":
            assert 0 < (row.max_error or 0) <= 0.75, row.key
            _assert_within(data, held.file(row.key).data, row.max_error or 0, row.key)
        else:
            _assert_same_but_for_loss(row.key, data, held.image(row.key), row.psnr_db)
    ways = {"default": "coded", "bounded": "bounded", "lossless": "lossless"}
    assert statuses >= {"kept", "lossless", ways[archive.name]}
    assert archive.name != "lossless" or "coded" not in statuses


def _assert_within(data: bytes, back: bytes, bound: float, key: str) -> None:
    """The samples are within the bound, and all other bytes are equal."""
    grid = find_grid(data)
    assert grid is not None
    assert len(back) == len(data), key
    (before, around), (after, around_after) = lift(data, grid), lift(back, grid)
    assert np.abs(before.astype(float) - after.astype(float)).max() <= bound, key
    assert around == around_after, key


def _assert_same_but_for_loss(key: str, data: bytes, image: Image, psnr: float | None) -> None:
    original = read_image(data)
    assert isinstance(original, Image), key
    for name in ("exif", "icc", "xmp", "carried", "mode", "orientation", "source_format", "width", "height"):
        assert getattr(image, name) == getattr(original, name), (key, name)
    assert _plane(image.alpha) == _plane(original.alpha), key
    measured = psnr_db(to_rgb(original), to_rgb(image))
    assert measured == pytest.approx(math.inf if psnr is None else psnr, abs=0.05), key
    there = b"\x00".join(
        (image.exif or b"", image.icc or b"", image.xmp or b"", *(p.data for p in image.carried))
    )
    for one in EVERY_FORMAT[key].marks:
        assert one in there, (key, "a mark is lost")


def _plane(alpha: bytes | None) -> bytes | None:
    return None if alpha is None else PIL.Image.open(io.BytesIO(alpha)).tobytes()


def test_verify_finds_it_sound(made: tuple[Path, Ran]) -> None:
    looked = tenfold("verify", made[0], "--level", "decode", "--workers", "0", "--json")
    assert (looked.code, looked.json()["problems"]) == (0, [])


def test_decode_gives_a_folder_with_every_file_of_its_name(made: tuple[Path, Ran], tmp_path: Path) -> None:
    archive, _ = made
    ran = tenfold("decode", archive, tmp_path / "back", "--format", "source", "--workers", "0", "--json")
    assert (ran.code, ran.json()["written"]) == (0, len(EVERY_FORMAT))
    held = Archive(str(archive))
    written = {path.relative_to(tmp_path / "back").as_posix() for path in (tmp_path / "back").rglob("*")}
    for row in held.rows():
        if row.status in ("kept", "bounded"):
            assert (tmp_path / "back" / row.key).read_bytes() == held.file(row.key).data, row.key
            continue
        name = row.key if row.key in written else f"{row.key}.png"
        back, image = read_image((tmp_path / "back" / name).read_bytes()), held.image(row.key)
        assert isinstance(back, Image), row.key
        for field in ("exif", "icc", "xmp", "orientation"):
            assert getattr(back, field) == getattr(image, field), (row.key, field)
        assert _plane(back.alpha) == _plane(image.alpha), row.key
        if back.source_format == image.source_format:
            not_back = {part.kind for part in image.carried if part not in back.carried}
            assert not_back <= LEFT_OUT, (row.key, not_back)


@pytest.mark.parametrize("made", ["default"], indirect=True)
def test_nothing_is_written_over_the_folder_or_into_the_archive(made: tuple[Path, Ran], source: Path) -> None:
    archive, _ = made
    before = {path: path.read_bytes() for path in (*source.rglob("*"), *archive.rglob("*")) if path.is_file()}
    link = source.parent / f"link-{archive.name}"
    link.symlink_to(source)
    for words in (
        ("decode", archive, source, "--overwrite", "--names", "keep", "--workers", "0"),
        ("decode", archive, link, "--overwrite", "--format", "source", "--workers", "0"),
        ("decode", archive, archive / "shards", "--overwrite", "--workers", "0"),
        ("get", archive, "png/screenshot.png", "-o", link / "png/screenshot.png", "--overwrite"),
        ("get", archive, "png/screenshot.png", "-o", archive / "catalogue/x.png"),
    ):
        assert tenfold(*words).code == 1, words
    link.unlink()
    after = {path: path.read_bytes() for path in (*source.rglob("*"), *archive.rglob("*")) if path.is_file()}
    assert after == before
