"""Images that are opened together are those that are opened one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from codec.codec import Codec
from codec.contract import FAITHFUL
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.decoders import remove_decoders, store_decoder
from pipeline.decode import resident_codecs
from pipeline.image.generated import SOURCE_TYPE
from pipeline.serve.decoding.company import gains_by_company
from pipeline.serve.decoding.contract import Made, NotMade
from pipeline.serve.decoding.image_maker import ImageMaker
from pipeline.serve.kept_decoders import KeptDecoders
from pipeline.serve.view import MEDIA_TYPES, View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow
from tests.support.image_archives import coded, fill, flip
from tests.support.image_files import waves
from tests.support.plain_codec import NEGATIVE, load_plain

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


def test_another_decoder_opens_an_image_anew_and_its_files_say_what_they_are(archive: Storage) -> None:
    row, *_ = rows_of(archive)
    working = maker(archive)
    for fmt in MEDIA_TYPES:
        faithful, negative = (
            working.make(row, replace(VIEW, fmt=fmt, decoder=decoder)) for decoder in (FAITHFUL, NEGATIVE)
        )
        assert isinstance(faithful, Made)
        assert isinstance(negative, Made)
        assert SOURCE_TYPE.encode() in negative.data
        assert b"DigitalSourceType" not in faithful.data
    assert len(working.holds) == 2
    assert working.make(row, replace(VIEW, decoder="none")) == NotMade(
        fault="no picture", words="expected a decoder of plain-1, which are faithful, sampled; got 'none'"
    )
    assert not gains_by_company(row, replace(VIEW, decoder=NEGATIVE), 10**9)
    assert gains_by_company(row, VIEW, 10**9)


def test_a_decoder_is_loaded_anew_when_the_archive_keeps_another_file_of_it(
    archive: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[bytes, ...]] = []

    def load(codec_id: str, *, device: str, weights: Sequence[bytes]) -> Codec:
        given.append(tuple(weights))
        return load_plain(codec_id, device=device)

    monkeypatch.setattr(resident_codecs, "load_codec", load)
    row, *_ = rows_of(archive)
    working = maker(archive)
    for data in (b"first", b"second"):
        store_decoder(archive, data, name=NEGATIVE, shows=bytes(8))
        view = KeptDecoders(archive).named(replace(VIEW, decoder=NEGATIVE))
        assert isinstance(working.make(row, view), Made)
        assert isinstance(working.make(row, replace(view, fmt="jpeg")), Made)
        remove_decoders(archive, NEGATIVE)
    assert given == [(b"first",), (b"second",)]
    assert len(working.holds) == 2
