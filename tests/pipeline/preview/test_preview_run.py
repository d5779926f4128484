"""Images that have no preview get one, beside their shard; and what becomes of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import PIL.Image
import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import album_path
from pipeline.archive.previews import read_previews
from pipeline.archive.schema import rows_of
from pipeline.companions.run import CompanionSummary
from pipeline.preview.run import preview_run
from pipeline.repair.run import RepairRun
from pipeline.rm.run import RmRun
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from pipeline.verify.companions import damaged_companions
from pipeline.verify.run import VerifyRun
from tests.support.image_archives import fill
from tests.support.image_files import waves
from tests.support.prune_steps import HERE, pruned, tree
from tests.support.shard_rows import kept_row, make_row

SIZE = (256, 34)


@cache
def photo(seed: int) -> bytes:
    return waves(seed, 300, 40)


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    """Two shards: pictures, one so small that it needs no preview, bytes that are no picture, and a failed image."""
    rows = [kept_row(f"{number}.png", photo(number)) for number in range(3)]
    odd = [
        kept_row("blank.bin", bytes(3000)),
        make_row("failed.png", None),
        kept_row("tiny.png", waves(1, 8, 8)),
    ]
    url = fill(str(tmp_path / "archive"), [*rows, *odd])
    return Storage(fill(url, [kept_row(f"later-{number}.png", photo(9 + number)) for number in range(40)], 1))


def make(archive: Storage) -> CompanionSummary:
    """`tenfold preview`."""
    return preview_run(archive, HERE).run()


def rows_in(archive: Storage) -> list[CatalogueRow]:
    return [row for batch in Catalogue(archive).table().to_batches() for row in rows_of(batch, CatalogueRow)]


def shown(archive: Storage) -> dict[str, tuple[int, int]]:
    """Key -> the size of its preview, of the images that have one."""
    rows = rows_in(archive)
    found = zip(rows, read_previews(archive, rows), strict=True)
    return {row.key: PIL.Image.open(io.BytesIO(webp)).size for row, webp in found if webp is not None}


def albums(archive: Storage) -> Iterator[str]:
    return (info.path for info in archive.list("previews"))


def problems(archive: Storage) -> set[str]:
    return {problem.path for problem in VerifyRun(archive, HERE).run().problems}


def test_every_image_that_shows_something_gets_one(archive: Storage) -> None:
    before = tree(archive.url)
    assert shown(archive) == {}
    summary = make(archive)
    assert (summary.images, summary.others) == (46, {"stored": 0, "small": 1})
    assert (summary.made, summary.unseen, summary.problems) == (43, 1, ())
    assert set(shown(archive)) == {f"{n}.png" for n in range(3)} | {f"later-{n}.png" for n in range(40)}
    assert set(shown(archive).values()) == {SIZE}
    assert tree(archive.url, without={"previews"}) == before
    assert problems(archive) == set()
    made = tree(archive.url)
    assert make(archive).made == 0
    assert tree(archive.url) == made


def test_a_page_of_them_is_a_few_reads(archive: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    make(archive)
    rows = [row for row in rows_in(archive) if row.key.startswith("later-")]
    reads: list[int] = []
    read_range = Storage.read_range

    def counted(storage: Storage, path: str, offset: int, length: int) -> bytes:
        reads.append(length)
        return read_range(storage, path, offset, length)

    monkeypatch.setattr(Storage, "read_range", counted)
    assert len(list(read_previews(archive, rows[3:9]))) == 6
    assert len(reads) <= 3


def test_a_flipped_bit_is_found_and_mended(archive: Storage) -> None:
    make(archive)
    path, _ = sorted(albums(archive), key=archive.size)
    rows = [row for row in rows_in(archive) if album_path(row.shard) == path]
    whole, previews = archive.read(path), list(read_previews(archive, rows))
    found = 0
    for at in range(0, len(whole), len(whole) // 60):
        archive.write(path, whole[:at] + bytes([whole[at] ^ 8]) + whole[at + 1 :])
        is_found = bool(list(damaged_companions(archive, [path])))
        read = list(read_previews(archive, rows))
        # what is not found nobody reads: who wrote the file, how long it is when unpacked
        assert read == previews or (is_found and not any(read))
        found += is_found
    assert found > 40
    archive.write(path, whole[: len(whole) // 2])
    assert problems(archive) == {path}
    summary = make(archive)
    assert (summary.made, summary.mended) == (3, 1)
    assert archive.read(path) == whole


def test_repair_removes_a_damaged_album_and_the_next_run_makes_it(archive: Storage) -> None:
    make(archive)
    first, second = albums(archive)
    whole = archive.read(first)
    archive.write(first, whole[:-9])
    summary = RepairRun(archive, HERE).run()
    assert (summary.albums, summary.problems, summary.put_aside) == ([first], [], None)
    assert list(albums(archive)) == [second]
    assert problems(archive) == set()
    make(archive)
    assert archive.read(first) == whole


def test_a_preview_goes_with_its_image(archive: Storage) -> None:
    make(archive)
    gone = next(row for row in rows_in(archive) if row.key == "1.png")
    RmRun(archive, keys=["1.png"]).apply()
    pruned(archive, 1)
    assert album_path(gone.shard) not in set(albums(archive))
    assert len(shown(archive)) == 40, "those that moved have none again"
    assert make(archive).made == 2
    assert "1.png" not in shown(archive)


def test_a_shard_that_goes_meanwhile_leaves_no_album(
    archive: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Storage, "exists", lambda storage, path: not path.startswith("shards/"))
    make(archive)
    assert list(albums(archive)) == []


def test_a_damaged_shard_is_told_of(archive: Storage) -> None:
    (row,) = (row for row in rows_in(archive) if row.key == "1.png")
    data = archive.read(row.shard)
    archive.write(row.shard, data[:100] + b"?" + data[101:])
    summary = make(archive)
    assert [problem.shard for problem in summary.problems] == [row.shard]
    assert summary.made == 40
