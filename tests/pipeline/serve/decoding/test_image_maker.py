"""Images that are opened together are those that are opened one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.decode import resident_codecs
from pipeline.serve.decoding.contract import Made, NotMade
from pipeline.serve.decoding.image_maker import ImageMaker
from pipeline.serve.view import View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from tests.support.image_archives import coded, fill, flip
from tests.support.image_files import waves
from tests.support.plain_codec import load_plain

KEYS = ("a.png", "b.png", "c.png")
VIEW = View(region=(0, 0, 64, 48), width=64, height=48, fmt="png")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    monkeypatch.setattr(resident_codecs, "load_codec", load_plain)
    return Storage(fill(str(tmp_path / "archive"), [coded(key, waves(at)) for at, key in enumerate(KEYS)]))


def maker(archive: Storage) -> ImageMaker:
    return ImageMaker(archive, device="cpu", max_pixels=10**6, most_held_bytes=10**6)


def rows_of(archive: Storage) -> list[CatalogueRow]:
    return sorted(Catalogue(archive).lookup(KEYS), key=lambda row: row.key)


def test_company_changes_no_file(archive: Storage) -> None:
    rows = rows_of(archive)
    alone, together = maker(archive), maker(archive)
    together.open_together(rows)
    assert len(together.holds) == 3
    assert [together.make(row, VIEW) for row in rows] == [alone.make(row, VIEW) for row in rows]


def test_a_damaged_one_spoils_nothing_for_its_company(archive: Storage) -> None:
    rows = rows_of(archive)
    flip(Path(archive.url) / rows[1].shard, (rows[1].payload_offset or 0) + 9)
    together = maker(archive)
    together.open_together(rows)
    first, second, third = (together.make(row, VIEW) for row in rows)
    assert isinstance(first, Made)
    assert isinstance(second, NotMade)
    assert second.fault == "damaged"
    assert isinstance(third, Made)
