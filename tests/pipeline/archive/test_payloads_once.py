"""However many images share a payload, and whichever of them are left, its bytes count once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.payloads_once import payloads_once
from pipeline.info.run import read_info
from pipeline.store.storage import Storage
from pipeline.totals import COLUMNS, Totals
from tests.support.image_archives import fill, kept
from tests.support.road import tenfold

HELD = {"a": b"one" * 9, "b": b"one" * 9, "c": b"one" * 9, "d": b"two", "e": b"two", "f": b"three"}


@pytest.mark.parametrize("gone", ["", "a", "ab", "abc", "ad", "bcef", "abcdef"])
def test_of_those_that_are_left_one_counts(tmp_path: Path, gone: str) -> None:
    url = fill(str(tmp_path), [kept(key, data) for key, data in HELD.items()])
    catalogue = Catalogue(Storage(url))
    if gone:
        names = ", ".join(f"'{key}'" for key in gone)
        catalogue.remove(catalogue.table(["key", "shard", "row"], where=f"key IN ({names})"), run="run-2")
    left = {data for key, data in HELD.items() if key not in gone}
    expected = sum(map(len, left))
    assert Totals.of_stream(payloads_once(catalogue, COLUMNS)).payload_bytes == expected
    assert read_info(Storage(url)).payload_bytes == expected
    once = sum(len(data) for key, data in HELD.items() if key not in gone) - expected
    said = f", {once} B of it written once for several images"
    assert (said if once else "MB stored") in tenfold("ls", url).err
    assert ("several images" in tenfold("ls", url).err) == bool(once)
