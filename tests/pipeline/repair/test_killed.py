"""Repair can be killed anywhere and done again."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest

import pipeline.repair.rebuild_catalogue
from pipeline.archive.catalogue import Catalogue
from pipeline.errors import ArchiveError
from tests.support.image_archives import flip
from tests.support.long_run import few_of
from tests.support.moments import moments_of
from tests.support.repair_steps import (
    KEYS,
    assert_sound,
    compress,
    drop_catalogue,
    payloads,
    repair,
    rows,
    tree,
)


class Killed(BaseException):
    """As SIGKILL: nobody catches it."""


def everything_at_once(archive: Path) -> None:
    """A lost catalogue that can still be read, a missing shard, a damaged one."""
    held = rows(archive)
    flip(archive / held["4.png"].shard, (held["4.png"].payload_offset or 0) + 3)
    (archive / held["0.png"].shard).unlink()
    log = max((archive / "catalogue/_delta_log").glob("*.json"))
    flip(log, log.read_bytes().index(b'"timestamp":') + 14)


def assert_nothing_gone(before: dict[str, str], archive: Path) -> None:
    """Every byte of shards, catalogue and seals is where it was, or aside."""
    left = tree(archive)
    for path, sha256 in before.items():
        if path.startswith(("shards/", "catalogue/", "seals/")):
            set_aside = {
                data for name, data in left.items() if name.startswith("lost/") and name.endswith(path)
            }
            assert sha256 in {left.get(path)} | set_aside, path


class TestKilled:
    def test_at_every_change_of_the_archive(
        self, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pipeline.repair.rebuild_catalogue, "_ROWS_PER_COMMIT", 3)
        held = payloads(made / "archive")
        harmed = Path(shutil.copytree(made / "archive", tmp_path / "harmed"))
        everything_at_once(harmed)
        before = tree(harmed)
        moments = moments_of(lambda: repair(harmed), harmed, tmp_path)
        assert len(moments) > 25
        for _, archive in few_of(moments, 7):
            assert_nothing_gone(before, archive)
            assert repair(archive).lost == []
            assert payloads(archive) == held, archive
            assert_sound(archive)
            assert_nothing_gone(before, archive)
            assert not list(archive.glob("lost/*/repairing.json"))
            assert not repair(archive).found

    def test_while_it_does_without_a_checkpoint(self, long: Path, tmp_path: Path) -> None:
        held = rows(long)
        flip(max(long.glob("catalogue/_delta_log/*.checkpoint.parquet")), 40)
        flip(max(long.glob("seals/*")), 40)
        before = tree(long)
        moments = moments_of(lambda: repair(long), long, tmp_path)
        assert len(moments) > 20
        for _, archive in few_of(moments, 7):
            assert repair(archive).rebuilt is None
            assert rows(archive) == held, archive
            assert_sound(archive)
            assert_nothing_gone(before, archive)

    def test_no_run_commits_to_half_a_catalogue(self, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source, archive = own / "source", own / "archive"
        monkeypatch.setattr(pipeline.repair.rebuild_catalogue, "_ROWS_PER_COMMIT", 3)
        drop_catalogue(archive)
        with monkeypatch.context() as patch:
            count, commit = itertools.count(), Catalogue.commit

            def deadly(catalogue: Catalogue, *args: Any, **more: Any) -> int:
                if next(count) == 1:
                    raise Killed("between two commits")
                return commit(catalogue, *args, **more)

            patch.setattr(Catalogue, "commit", deadly)
            with pytest.raises(Killed, match="between two commits"):
                repair(archive)
        with pytest.raises(ArchiveError, match="got one that a repair is making anew"):
            compress(source, archive, quality=40)
        assert repair(archive).rebuilt is not None
        assert set(rows(archive)) == set(KEYS)
        assert_sound(archive)
