"""Cutting a listing into units, knowing what is current, and storing the plan."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.archive.stored_plan import StoredPlan
from pipeline.compress.units import cut
from pipeline.config import ShardConfig
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage
from pipeline.types import Prior, SourceImage

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


def image(
    key: str, *, size: int | None = 1000, etag: str | None = None, mtime: datetime | None = NOON
) -> SourceImage:
    return SourceImage(key=key, url=f"/photos/{key}", size=size, etag=etag, mtime=mtime)


@given(
    sizes=st.lists(st.integers(0, 3_000_000), max_size=200),
    most=st.integers(1, 40),
    mib=st.floats(0.1, 5),
    parallel=st.integers(0, 9),
)
def test_cut_keeps_every_image_once_and_in_order(
    sizes: list[int], most: int, mib: float, parallel: int
) -> None:
    images = [image(f"{n:05d}", size=size) for n, size in enumerate(sizes)]
    units = list(cut(images, ShardConfig(max_images=most, max_source_mib=mib), parallel=parallel))
    assert [one for unit in units for one in unit] == images
    for unit in units:
        assert 1 <= len(unit) <= most
        assert len(unit) == 1 or sum(one.size or 0 for one in unit) <= mib * 2**20


def test_a_unit_is_handed_over_as_soon_as_it_is_full() -> None:
    seen = []

    def listing() -> Iterator[SourceImage]:
        for n in range(1000):
            seen.append(n)
            yield image(str(n))

    first = next(cut(listing(), ShardConfig(max_images=10), parallel=4))
    assert len(first) == 10
    assert len(seen) == 11


def test_a_short_listing_is_shared_among_the_workers() -> None:
    units = list(cut([image(str(n)) for n in range(64)], ShardConfig(), parallel=2))
    assert [len(unit) for unit in units] == [16, 16, 16, 16]


def test_a_handful_of_images_is_one_unit() -> None:
    assert [len(unit) for unit in cut([image(str(n)) for n in range(6)], ShardConfig(), parallel=8)] == [6]


def test_a_stored_plan_reads_back(tmp_path: Path) -> None:
    plan = StoredPlan(Storage(tmp_path), "run-1")
    keys = ["ünï code.png", "new\nline", "quote'\"", "sep\u2028arator", "../up", "/lead"]
    images = [
        image(key, etag="e" if n % 2 else None, mtime=None if n == 3 else NOON) for n, key in enumerate(keys)
    ]
    unit = plan.store(7, images)
    assert (unit.number, unit.images, unit.source_bytes) == (7, 6, 6000)
    assert plan.load(7) == images
    assert plan.units() == [unit]
    assert plan.facts() is None
    plan.finish({"unchanged": 3})
    assert plan.facts() == {"unchanged": 3}


def test_what_repair_knows_of_an_image_is_in_the_plan_and_only_there(tmp_path: Path) -> None:
    plan = StoredPlan(Storage(tmp_path), "run-1")
    lost_image = replace(
        image("a"), prior=Prior(shard="shards/r/0.parquet", sha256="0" * 64, quality=30, kept="16-bit")
    )
    plan.store(0, [lost_image, image("b")])
    assert plan.load(0) == [lost_image, image("b")]
    lines = gzip.decompress(Storage(tmp_path).read("runs/run-1/plan/000000.jsonl.gz")).splitlines()
    assert set(json.loads(lines[1])) == {"key", "url", "size", "etag", "mtime"}, (
        "as older releases write and read it"
    )


def test_a_damaged_plan_is_named(tmp_path: Path) -> None:
    plan = StoredPlan(Storage(tmp_path), "20260102T120000-abcdef")
    plan.store(3, [image("a.png")])
    plan.finish({"images": 1})
    (path,) = tmp_path.rglob("000003.jsonl.gz")
    whole = path.read_bytes()
    for damaged in (
        whole[:-9],
        whole[:-5] + bytes([whole[-5] ^ 1]) + whole[-4:],
        whole[:20] + whole[24:],
        b"",
        b"x",
    ):
        path.write_bytes(damaged)
        with pytest.raises(
            DamagedError, match=r"at runs/20260102T120000-abcdef/plan/000003.jsonl.gz, got damaged"
        ):
            plan.load(3)
    (listed,) = tmp_path.rglob("listed.json")
    listed.write_bytes(listed.read_bytes()[:-1])
    with pytest.raises(DamagedError, match=r"listed.json, got damaged"):
        plan.facts()


def test_what_another_driver_of_the_run_has_planned_stays(tmp_path: Path) -> None:
    plan = StoredPlan(Storage(tmp_path), "run-1")
    assert plan.store(0, [image("a"), image("b")]).number == 0
    assert plan.store(0, [image("a"), image("b")]).number == 0, "the same unit"
    assert plan.store(0, [image("a"), image("late")]).number == 1
    assert [[one.key for one in images] for _, images in plan.stored()] == [["a", "b"], ["a", "late"]]
