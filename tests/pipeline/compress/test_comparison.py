"""A listing held against an archive: what is new, changed, unchanged and gone, whatever order the listing has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.compress import ordering
from pipeline.compress.comparison import CHECKSUM_COLUMNS, HELD_COLUMNS, SOURCE_CHANGES, ListingComparison
from pipeline.errors import StorageError, StoreDownError
from pipeline.source.listing import batch_of, images_of
from pipeline.types import SourceImage

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
Facts = tuple[str, int, str | None, datetime | None]
"""URL, size, ETag and time of an archived image."""


def image(
    key: str, *, size: int | None = 1000, etag: str | None = None, mtime: datetime | None = NOON
) -> SourceImage:
    return SourceImage(key=key, url=f"/photos/{key}", size=size, etag=etag, mtime=mtime)


def held(rows: dict[str, Facts], *, per_batch: int = 3) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in HELD_COLUMNS])
    keys = sorted(rows)
    for start in range(0, len(keys), per_batch):
        part = [
            [key, *rows[key], "shards/1", 0, _status(*rows[key])] for key in keys[start : start + per_batch]
        ]
        yield pa.record_batch(
            [
                pa.array(column, field.type)
                for column, field in zip(zip(*part, strict=True), schema, strict=True)
            ],
            schema=schema,
        )


def _status(url: str, _size: int, etag: str | None, mtime: datetime | None) -> str:
    return "failed" if etag is None and mtime is None and not url.endswith("named") else "coded"


def batches(images: Sequence[SourceImage], *, per_batch: int = 4) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(images), per_batch):
        yield batch_of(images[start : start + per_batch])


def changes(comparison: ListingComparison) -> dict[str, str]:
    return {
        image.key: SOURCE_CHANGES[code]
        for compared in comparison.compared()
        for image, code in zip(images_of(compared.batch), compared.codes, strict=True)
    }


def unseen(comparison: ListingComparison) -> list[str]:
    return [key for batch in comparison.unseen() for key in batch["key"].to_pylist()]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param(image("a"), "unchanged", id="as it was"),
        pytest.param(image("a", size=1001), "changed", id="other size"),
        pytest.param(image("a", mtime=NOON + timedelta(microseconds=1)), "changed", id="touched"),
        pytest.param(image("b"), "new", id="unknown key"),
        pytest.param(image("a", mtime=None), "unchanged", id="a listing that knows no version"),
        pytest.param(image("a", size=None, mtime=None), "unchanged", id="nor a size"),
        pytest.param(image("tagged", etag="x", mtime=NOON), "unchanged", id="same etag"),
        pytest.param(image("tagged", etag="x", mtime=None), "unchanged", id="etag decides, not mtime"),
        pytest.param(image("tagged", etag="y"), "changed", id="other etag"),
        pytest.param(image("quoted", etag="x"), "unchanged", id="an etag that was kept with its quotes"),
        pytest.param(image("tagged", mtime=NOON), "changed", id="an etag that is no more"),
        pytest.param(image("unread"), "changed", id="never read, so tried again"),
        pytest.param(image("unread", mtime=None), "changed", id="never read, and no version"),
        pytest.param(image("named", size=None, mtime=None), "unchanged", id="named alone, now as then"),
        pytest.param(image("named", size=7, mtime=None), "changed", id="another size is another version"),
        pytest.param(image("scan", size=7), "displacing", id="a key from another URL"),
        pytest.param(image("scan"), "unchanged", id="the same file at another URL"),
    ],
)
def test_what_counts_as_new_or_changed(listed: SourceImage, expected: str) -> None:
    rows: dict[str, Facts] = {
        "a": ("/photos/a", 1000, None, NOON),
        "named": ("/photos/named", 1000, None, None),
        "quoted": ("/photos/quoted", 1000, "&#34;x&#34;", NOON),
        "scan": ("/scans/scan", 1000, None, NOON),
        "tagged": ("/photos/tagged", 1000, "x", NOON),
        "unread": ("/photos/unread", 1000, None, None),
    }
    comparison = ListingComparison(batches([listed]), lambda: held(rows))
    assert changes(comparison) == {listed.key: expected}
    assert unseen(comparison) == sorted(rows.keys() - {listed.key})
    assert comparison.shown == (rows.get(listed.key, ("",))[0] == listed.url)


@settings(max_examples=60)
@given(
    at_once=st.sampled_from([1, 5, 1000]),
    archived=st.sets(st.text(max_size=3), max_size=30),
    listed=st.lists(st.text(max_size=3), unique=True, max_size=30),
    is_sorted=st.booleans(),
    per_batch=st.integers(1, 8),
)
def test_no_order_and_no_size_of_batches_matters(
    at_once: int, archived: set[str], listed: list[str], is_sorted: bool, per_batch: int
) -> None:
    """Each image once; gone is what was archived and is not listed; in key order if the listing is."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_SORTED_AT_ONCE", "_HELD", "_BATCH"):
            patch.setattr(ordering, name, at_once)
        images = [image(key) for key in (sorted(listed) if is_sorted else listed)]
        rows: dict[str, Facts] = {key: (f"/photos/{key}", 1000, None, NOON) for key in archived}
        comparison = ListingComparison(
            batches(images, per_batch=per_batch), lambda: held(rows, per_batch=per_batch)
        )
        found = changes(comparison)
        assert sorted(found) == sorted(listed)
        assert {key for key, change in found.items() if change == "unchanged"} == archived & set(listed)
        assert {key for key, change in found.items() if change == "new"} == set(listed) - archived
        assert unseen(comparison) == sorted(archived - set(listed))
        assert comparison.shown == len(archived & set(listed))
        if is_sorted or not archived:
            assert list(found) == [one.key for one in images], "compared as it came"


def test_what_ascends_is_given_out_before_the_rest_is_listed() -> None:
    """A unit of work need not wait for the end of a listing of millions."""
    given_out: list[str] = []

    def listing() -> Iterator[pa.RecordBatch]:
        yield batch_of([image("a"), image("b")])
        assert given_out == ["a", "b"]
        yield batch_of([image("d"), image("c")])
        assert given_out == ["a", "b"]

    rows: dict[str, Facts] = {key: (f"/photos/{key}", 1, None, NOON) for key in "bcz"}
    sorted_so_far: list[int] = []
    comparison = ListingComparison(listing(), lambda: held(rows))
    for compared in comparison.compared(sorting=sorted_so_far.append):
        given_out += compared.batch["key"].to_pylist()
    assert given_out == ["a", "b", "c", "d"]
    assert unseen(comparison) == ["z"]
    assert sorted_so_far == [2]


def test_what_is_gone_is_not_known_before_the_end() -> None:
    with pytest.raises(ValueError, match="Expected a comparison that has come to its end"):
        ListingComparison(batches([image("a")])).unseen()


def by_checksum(rows: dict[str, str | None]) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([CATALOGUE_SCHEMA.field(name) for name in CHECKSUM_COLUMNS])
    columns = {name: pa.nulls(len(rows), schema.field(name).type) for name in CHECKSUM_COLUMNS}
    columns |= {
        "key": pa.array(sorted(rows)),
        "source_url": pa.array([f"/photos/{key}" for key in sorted(rows)]),
        "source_sha256": pa.array([rows[key] for key in sorted(rows)], pa.string()),
    }
    yield pa.record_batch(list(columns.values()), schema=schema)


def test_checksums_see_through_size_and_time() -> None:
    files = {f"{n:03d}": f"bytes {n}".encode() for n in range(300)}
    rows: dict[str, str | None] = {key: hashlib.sha256(data).hexdigest() for key, data in files.items()}
    rows["unread"] = None
    asked: list[str] = []

    def read(listed: SourceImage) -> bytes:
        asked.append(listed.key)
        if listed.key == "050":
            raise StorageError("no access")
        return b"changed" if listed.key == "100" else files[listed.key]

    images = [image(key, mtime=NOON + timedelta(days=n)) for n, key in enumerate([*files, "new", "unread"])]
    found = changes(ListingComparison(batches(images, per_batch=301), lambda: by_checksum(rows), read=read))
    assert {key: change for key, change in found.items() if change != "unchanged"} == {
        "050": "changed",
        "100": "changed",
        "new": "new",
        "unread": "changed",
    }
    assert sorted(asked) == sorted(files), "what the archive does not have is not read to compare it"


def test_a_store_that_is_down_is_no_change() -> None:
    def read(_: SourceImage) -> bytes:
        raise StoreDownError("down")

    comparison = ListingComparison(batches([image("a")]), lambda: by_checksum({"a": "0" * 64}), read=read)
    with pytest.raises(StoreDownError, match="down"):
        changes(comparison)
