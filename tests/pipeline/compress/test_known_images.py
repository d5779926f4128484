"""Knowing what is in the archive already, in which version, and what a listing shows no more."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.compress.known_images import KnownImages
from pipeline.errors import StorageError, StoreDownError
from pipeline.types import SourceImage

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


def image(
    key: str, *, size: int | None = 1000, etag: str | None = None, mtime: datetime | None = NOON
) -> SourceImage:
    return SourceImage(key=key, url=f"/photos/{key}", size=size, etag=etag, mtime=mtime)


def current(known: KnownImages, *images: SourceImage) -> list[bool]:
    changes = list(known.changes(images))
    assert [one for one, _ in changes] == list(images)
    return [change == "unchanged" for _, change in changes]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param(image("a"), True, id="as it was"),
        pytest.param(image("a", size=1001), False, id="other size"),
        pytest.param(image("a", mtime=NOON + timedelta(microseconds=1)), False, id="touched"),
        pytest.param(image("b"), False, id="unknown key"),
        pytest.param(image("a", mtime=None), True, id="a listing that knows no version"),
        pytest.param(image("tagged", etag="x", mtime=NOON), True, id="same etag"),
        pytest.param(image("tagged", etag="x", mtime=None), True, id="etag decides, not mtime"),
        pytest.param(image("tagged", etag="y"), False, id="other etag"),
        pytest.param(image("unread"), False, id="never read, so tried again"),
    ],
)
def test_what_counts_as_new_or_changed(listed: SourceImage, expected: bool) -> None:
    known = KnownImages(
        [
            ("a", "/photos/a", 1000, None, NOON),
            ("tagged", "/photos/tagged", 1000, "x", NOON),
            ("unread", "/photos/unread", 1000, None, None),
        ]
    )
    assert current(known, listed) == [expected]


def test_a_key_from_another_url_displaces() -> None:
    known = KnownImages([("a", "/photos/a", 1000, None, NOON), ("b", "/scans/b", 1000, None, NOON)])
    listed = [image("a"), image("a", size=7), image("b", size=7), image("c")]
    assert [change for _, change in known.changes(listed)] == ["unchanged", "changed", "displacing", "new"]


def test_nothing_is_current_in_an_empty_catalogue() -> None:
    assert current(KnownImages(), image("a")) == [False]


def test_checksums_see_through_size_and_time() -> None:
    held = {f"{n:03d}": f"bytes {n}".encode() for n in range(200)}
    rows: list[tuple[str, str, str | None]] = [
        (key, f"/photos/{key}", hashlib.sha256(data).hexdigest()) for key, data in held.items()
    ]
    rows.append(("unread", "/photos/unread", None))
    asked: list[str] = []

    def read(listed: SourceImage) -> bytes:
        asked.append(listed.key)
        if listed.key == "050":
            raise StorageError("no access")
        return b"changed" if listed.key == "100" else held.get(listed.key, b"new")

    images = [image(key, mtime=NOON + timedelta(days=n)) for n, key in enumerate([*held, "new", "unread"])]
    expected = [key not in ("050", "100", "new", "unread") for key in (one.key for one in images)]
    assert current(KnownImages(rows, read=read), *images) == expected
    assert "new" not in asked, "what the archive does not have is not read to compare it"


def test_a_store_that_is_down_is_no_change() -> None:
    def read(_: SourceImage) -> bytes:
        raise StoreDownError("down")

    with pytest.raises(StoreDownError, match="down"):
        current(KnownImages([("a", "/photos/a", "0" * 64)], read=read), image("a"))


@given(st.sets(st.text(max_size=4)), st.sets(st.text(max_size=4)))
def test_gone_is_what_was_known_and_not_listed(held: set[str], listed: set[str]) -> None:
    known = KnownImages((key, f"/photos/{key}", 1, "x", None) for key in held)
    for key in listed:
        known.see(key)
    assert {key for key in held | listed if known.is_gone(key)} == held - listed
