"""Which files need no second look: S3 servers may list milliseconds, and say whole seconds of one object."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.archive import proven_files
from pipeline.archive.proven_files import is_proven, set_proven
from pipeline.store.backend import ObjectInfo

_ASKED = ObjectInfo(path="a", size=3, etag="0f", mtime=datetime(2026, 11, 29, 9, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("proven", "found", "is_same"),
    [
        (_ASKED, replace(_ASKED, mtime=datetime(2026, 11, 29, 9, 30, 0, 417_000, tzinfo=UTC)), True),
        (_ASKED, replace(_ASKED, etag="10"), False),
        (_ASKED, replace(_ASKED, size=4), False),
        (replace(_ASKED, etag=None), replace(_ASKED, etag=None), True),
        (
            replace(_ASKED, etag=None),
            replace(
                _ASKED, etag=None, mtime=datetime(2026, 11, 29, 9, 30, tzinfo=UTC) + timedelta(microseconds=1)
            ),
            False,
        ),
        (replace(_ASKED, etag=None, mtime=None), replace(_ASKED, etag=None, mtime=None), False),
    ],
)
def test_a_file_is_told_by_its_etag_and_without_one_by_its_time(
    monkeypatch: pytest.MonkeyPatch, proven: ObjectInfo, found: ObjectInfo, is_same: bool
) -> None:
    monkeypatch.setattr(proven_files, "_proven", {})
    set_proven("s3://bucket/archive", proven)
    assert is_proven("s3://bucket/archive", found) == is_same
    assert not is_proven("s3://bucket/other", found)
