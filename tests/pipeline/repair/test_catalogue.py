"""Repair makes a lost catalogue again, and does without what it can."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.seals import read_seals, seal
from pipeline.archive.shards import build_shard, publish
from pipeline.errors import ArchiveError, NewerFormatError, StorageError
from pipeline.store.storage import Storage
from tests.support.image_archives import flip
from tests.support.image_files import make_unreadable, waves
from tests.support.repair_steps import (
    KEYS,
    assert_sound,
    compress,
    drop_catalogue,
    drop_entry,
    drop_file,
    drop_last_entry,
    flip_entry,
    flip_file,
    look,
    payloads,
    repair,
    repeat_keys,
    rows,
    tree,
)
from tests.support.shard_rows import make_row


class TestCatalogue:
    @pytest.mark.parametrize(
        "harm",
        [drop_catalogue, drop_entry, drop_last_entry, flip_entry, flip_file, drop_file, repeat_keys],
        ids=lambda harm: harm.__name__,
    )
    def test_a_lost_one_is_made_again_from_the_shards(
        self, archive: Path, harm: Callable[[Path], None]
    ) -> None:
        before = rows(archive)
        harm(archive)
        old = tree(archive / "catalogue") if (archive / "catalogue").exists() else {}
        assert not look(archive).sound
        summary = repair(archive)
        assert rows(archive) == before, "every row as it was, its run and place in the shard included"
        assert_sound(archive)
        assert summary.rebuilt is not None
        assert (summary.rebuilt.images, summary.rebuilt.shards, summary.rebuilt.unknown) == (8, 3, ())
        assert (summary.problems, summary.lost, summary.damaged) == ([], [], [])
        assert summary.put_aside is not None
        assert tree(archive / summary.put_aside / "catalogue") == old if old else True
        assert list((archive / summary.put_aside / "seals").iterdir())
        assert read_seals(Storage(archive)).version == summary.version
        assert not repair(archive).found

    def test_the_newest_row_of_an_image_wins_and_a_failure_never_over_a_payload(self, own: Path) -> None:
        source, archive = own / "source", own / "archive"
        (source / "1.png").write_bytes(waves(71))
        make_unreadable(source / "2.png")
        (source / "none.png").unlink()
        (source / "none.png").write_bytes(waves(72))
        compress(source, archive, quality=40)
        (source / "1.png").write_bytes(waves(73))
        compress(source, archive, quality=30)
        before = rows(archive)
        assert before["1.png"].quality == 30
        assert before["2.png"].status == "coded"
        drop_catalogue(archive)
        repair(archive)
        assert rows(archive) == before
        assert_sound(archive)

    def test_shards_that_never_were_committed_and_strange_objects(self, archive: Path) -> None:
        storage = Storage(archive)
        (archive / "shards/readme.txt").write_text("put here by hand")
        publish(storage, build_shard([make_row("orphan.png")], metadata={}), "run-9", 0)
        drop_catalogue(archive)
        summary = repair(archive)
        assert summary.rebuilt is not None
        assert [problem.path for problem in summary.rebuilt.unreadable] == ["shards/readme.txt"]
        assert summary.rebuilt.images == 9
        assert summary.rebuilt.unknown == ()

    def test_a_damaged_shard_that_no_catalogue_names_is_said(self, archive: Path) -> None:
        damaged = rows(archive)["4.png"]
        flip(archive / damaged.shard, damaged.payload_offset or 0)
        drop_catalogue(archive)
        summary = repair(archive)
        assert summary.rebuilt is not None
        assert summary.rebuilt.unknown == (damaged.shard,)
        assert set(rows(archive)) == {key for key in KEYS if key not in ("3.jpg", "4.png", "5.png")}
        assert_sound(archive)

    def test_one_that_an_earlier_repair_dealt_with_is_no_alarm(self, archive: Path) -> None:
        damaged = rows(archive)["4.png"]
        flip(archive / damaged.shard, damaged.payload_offset or 0)
        repair(archive)
        held = rows(archive)
        drop_catalogue(archive)
        summary = repair(archive)
        assert summary.rebuilt is not None
        assert ([problem.path for problem in summary.rebuilt.unreadable], summary.rebuilt.unknown) == (
            [damaged.shard],
            (),
        )
        assert rows(archive) == held

    def test_what_a_lost_one_still_says_of_damaged_shards_is_used(self, archive: Path) -> None:
        before, held = rows(archive), payloads(archive)
        flip(archive / before["4.png"].shard, before["4.png"].payload_offset or 0)
        (archive / before["0.png"].shard).unlink()
        log = max((archive / "catalogue/_delta_log").glob("*.json"))
        flip(log, log.read_bytes().index(b'"timestamp":') + 14)  # it still opens
        summary = repair(archive)
        assert summary.rebuilt is not None
        assert summary.rebuilt.unknown == ()
        assert (summary.salvaged, summary.encoded_again, summary.lost) == (2, 4, [])
        assert payloads(archive) == held
        assert_sound(archive)

    def test_without_a_shard_nothing_is_touched(self, archive: Path) -> None:
        drop_entry(archive)
        shutil.rmtree(archive / "shards")
        before = tree(archive)
        with pytest.raises(ArchiveError, match="Nothing was changed"):
            repair(archive)
        left = tree(archive)
        assert {path: left[path] for path in left if not path.startswith("locks/")} == before

    def test_a_store_that_does_not_answer_is_no_lost_catalogue(
        self, archive: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_: object, **__: object) -> None:
            raise StorageError("down")

        before = tree(archive)
        monkeypatch.setattr(Catalogue, "scan", down)
        with pytest.raises(StorageError, match="down"):
            repair(archive)
        left = tree(archive)
        assert {path: left[path] for path in left if not path.startswith("locks/")} == before

    def test_a_newer_format_is_left_alone(self, archive: Path) -> None:
        entry = archive / "catalogue/_delta_log/00000000000000000000.json"
        entry.write_text(entry.read_text().replace('"tenfold.format":"2"', '"tenfold.format":"3"'))
        shutil.rmtree(archive / "seals")
        seal(Storage(archive), 1)  # as the release that wrote it did
        before = tree(archive)
        with pytest.raises(NewerFormatError, match="got format 3"):
            repair(archive)
        assert tree(archive) == before


class TestWhatTheCatalogueCanDoWithout:
    @pytest.mark.parametrize(
        ("name", "harm"),
        [
            ("catalogue/_delta_log/*.checkpoint.parquet", "flip"),
            ("catalogue/_delta_log/*.checkpoint.parquet", "unlink"),
            ("catalogue/_delta_log/_last_checkpoint", "flip"),
            ("catalogue/_delta_log/_last_checkpoint", "unlink"),
            ("seals/*", "flip"),
        ],
    )
    def test_checkpoints_hints_and_seals(self, long: Path, name: str, harm: str) -> None:
        path = max(long.glob(name))
        before, history = rows(long), len(Catalogue(Storage(long)).versions())
        flip(path, 40) if harm == "flip" else path.unlink()
        assert not look(long).sound
        told_only = repair(long, dry_run=True)
        assert str(path.relative_to(long)) in told_only.mended
        summary = repair(long)
        assert summary.rebuilt is None
        assert str(path.relative_to(long)) in summary.mended
        assert rows(long) == before
        assert len(Catalogue(Storage(long)).versions()) == history, "nothing of the past is gone"
        assert_sound(long)
        compress(long.parent / "long-source", long, quality=40)
        (long.parent / "long-source" / "0.png").write_bytes(waves(99))
        compress(long.parent / "long-source", long, quality=40)
        assert_sound(long)

    def test_files_of_past_versions_are_said_and_left(self, long: Path) -> None:
        flip(long / "catalogue/_delta_log/00000000000000000003.json", 300)
        before = tree(long)
        summary = repair(long)
        assert [problem.path for problem in summary.problems] == [
            "catalogue/_delta_log/00000000000000000003.json"
        ]
        assert (summary.rebuilt, summary.changed) == (None, False)
        left = tree(long)
        assert {path: left[path] for path in left if not path.startswith("locks/")} == before
        assert [problem.path for problem in look(long).problems] == [summary.problems[0].path]
