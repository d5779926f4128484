"""Repair: what can come back does, what cannot is said, nothing gets worse, and it can be killed anywhere."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import codec.weights_file
import pipeline.codecs
import pipeline.rebuild
import pipeline.run
import pipeline.worker
from pipeline.archive import Archive
from pipeline.archived import failed_images
from pipeline.catalogue import Catalogue
from pipeline.config import CodecConfig, CompressConfig, ShardConfig, WorkersConfig
from pipeline.errors import ArchiveError, LockedError, NewerFormatError, NoArchiveError, StorageError
from pipeline.lease import Lease
from pipeline.repair import RepairRun
from pipeline.repair_summary import RepairSummary
from pipeline.run import CompressRun
from pipeline.seals import read_seals
from pipeline.shards import build_shard, publish
from pipeline.sources import parse_source
from pipeline.storage import Storage
from pipeline.types import CatalogueRow
from pipeline.verify import VerifyRun, VerifySummary
from tests.pipeline.plain_codec import load_plain
from tests.pipeline.shard_rows import make_row
from tests.pipeline.test_archive import EXIF, ICC, file_of, picture
from tests.pipeline.test_verify import files, flip
from tests.pipeline.test_worker import waves
from tests.seaweed import S3Server

KEYS = ["0.png", "1.png", "2.png", "3.jpg", "4.png", "5.png", "deep.png", "none.png"]


@pytest.fixture(autouse=True, scope="module")
def _plain_codec() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (pipeline.codecs, pipeline.run, pipeline.worker):
            patch.setattr(module, "load_codec", load_plain)
        yield


def told(**codec: Any) -> CompressConfig:
    return CompressConfig(
        codec=CodecConfig(**{"id": "plain-1", **codec}),
        shard=ShardConfig(max_images=3),
        workers=WorkersConfig(count=0),
    )


HERE = CompressConfig(workers=WorkersConfig(count=0))


def compress(source: Path, archive: Path, **codec: Any) -> str:
    return CompressRun(parse_source(str(source)), Storage(archive), told(**codec)).run().run


def repair(archive: Path | str, *, dry_run: bool = False, config: CompressConfig = HERE) -> RepairSummary:
    return RepairRun(Storage(archive), config, dry_run=dry_run).run()


def look(archive: Path | str) -> VerifySummary:
    return VerifyRun(Storage(archive), HERE, level="decode").run()


@pytest.fixture(scope="module")
def made(_plain_codec: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`source/` and `archive/`: three units of coded images, one with metadata, a kept one, and one that failed."""
    folder = tmp_path_factory.mktemp("repair")
    source = folder / "source"
    source.mkdir()
    for number in (0, 1, 2, 4, 5):
        (source / f"{number}.png").write_bytes(waves(number))
    (source / "3.jpg").write_bytes(file_of(picture(), "JPEG", exif=EXIF, icc_profile=ICC, quality=97))
    deep = PIL.Image.fromarray(np.arange(200, dtype=np.uint16).reshape(10, 20))
    (source / "deep.png").write_bytes(file_of(deep))
    (source / "none.png").write_bytes(b"not an image")
    compress(source, folder / "archive", quality=40)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to damage; the rows still name the first `source/`, which no test may touch."""
    shutil.copytree(made / "archive", tmp_path / "archive")
    return tmp_path


@pytest.fixture
def archive(folder: Path) -> Path:
    return folder / "archive"


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """`source/` and `archive/` both to damage."""
    shutil.copytree(made / "source", tmp_path / "own/source")
    compress(tmp_path / "own/source", tmp_path / "own/archive", quality=40)
    return tmp_path / "own"


def rows(archive: Path | str) -> dict[str, CatalogueRow]:
    return {row.key: row for row in Catalogue(Storage(archive)).lookup(KEYS)}


def payloads(archive: Path) -> dict[str, bytes | None]:
    """What the archive holds of every image, and nothing of where and when it was put there."""
    found = Archive(str(archive))
    return {
        key: None if row.status == "failed" else found.read(key).payload for key, row in rows(archive).items()
    }


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder)
    }


def assert_sound(archive: Path | str) -> None:
    seen = look(archive)
    assert (seen.sound, seen.problems, seen.unsealed_versions) == (True, [], 0)


def drop_catalogue(archive: Path) -> None:
    shutil.rmtree(archive / "catalogue")


def drop_entry(archive: Path) -> None:
    (archive / "catalogue/_delta_log/00000000000000000001.json").unlink()


def drop_last_entry(archive: Path) -> None:
    max((archive / "catalogue/_delta_log").glob("*.json")).unlink()


def flip_entry(archive: Path) -> None:
    flip(archive / "catalogue/_delta_log/00000000000000000001.json", 300)


def flip_file(archive: Path) -> None:
    (path,) = (Storage(archive).url + "/" + name for name in Catalogue(Storage(archive)).files())
    flip(Path(path), 700)


def drop_file(archive: Path) -> None:
    (path,) = Catalogue(Storage(archive)).files()
    (archive / path).unlink()


def repeat_keys(archive: Path) -> None:
    """A log that adds the same rows a second time, as another tool would."""
    log = archive / "catalogue/_delta_log"
    last = max(log.glob("*.json"))
    number = int(last.stem) + 1
    adds = [line for line in last.read_text().splitlines() if "add" in json.loads(line)]
    add = json.loads(adds[0])
    again = archive / "catalogue" / "part-again.parquet"
    shutil.copy(archive / "catalogue" / add["add"]["path"], again)
    add["add"]["path"] = again.name
    (log / f"{number:020d}.json").write_text(json.dumps(add) + "\n")


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
        (source / "2.png").write_bytes(b"no image any more")
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
        lost = rows(archive)["4.png"]
        flip(archive / lost.shard, lost.payload_offset or 0)
        drop_catalogue(archive)
        summary = repair(archive)
        assert summary.rebuilt is not None
        assert summary.rebuilt.unknown == (lost.shard,)
        assert set(rows(archive)) == {key for key in KEYS if key not in ("3.jpg", "4.png", "5.png")}
        assert_sound(archive)

    def test_one_that_an_earlier_repair_dealt_with_is_no_alarm(self, archive: Path) -> None:
        hurt = rows(archive)["4.png"]
        flip(archive / hurt.shard, hurt.payload_offset or 0)
        repair(archive)
        held = rows(archive)
        drop_catalogue(archive)
        summary = repair(archive)
        assert summary.rebuilt is not None
        assert ([problem.path for problem in summary.rebuilt.unreadable], summary.rebuilt.unknown) == (
            [hurt.shard],
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
        with pytest.raises(StorageError):
            repair(archive)
        left = tree(archive)
        assert {path: left[path] for path in left if not path.startswith("locks/")} == before

    def test_a_newer_format_is_left_alone(self, archive: Path) -> None:
        entry = archive / "catalogue/_delta_log/00000000000000000000.json"
        entry.write_text(entry.read_text().replace('"tenfold.format":"1"', '"tenfold.format":"2"'))
        before = tree(archive)
        with pytest.raises(NewerFormatError):
            repair(archive)
        assert tree(archive) == before


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """An archive with a checkpoint: an image more at each of 13 runs."""
    source, archive = tmp_path / "long-source", tmp_path / "long"
    source.mkdir()
    for number in range(13):
        (source / f"{number % 6}.png").write_bytes(waves(number, 32, 24))
        compress(source, archive, quality=40)
    assert (archive / "catalogue/_delta_log/_last_checkpoint").exists()
    return archive


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


class TestShards:
    def test_one_that_is_missing_comes_back_from_its_sources(self, archive: Path) -> None:
        before, held = rows(archive), payloads(archive)
        (archive / before["deep.png"].shard).unlink()
        (archive / before["0.png"].shard).unlink()
        summary = repair(archive)
        assert (summary.salvaged, summary.encoded_again, summary.lost) == (1, 4, [])
        assert payloads(archive) == held
        now = rows(archive)
        assert now["none.png"].reason == before["none.png"].reason, "what failed has lost nothing"
        assert now["none.png"].run == before["none.png"].run
        assert (now["deep.png"].status, now["deep.png"].reason) == ("kept", before["deep.png"].reason)
        assert now["4.png"] == before["4.png"]
        assert_sound(archive)
        assert not repair(archive).found

    def test_what_is_whole_in_a_damaged_one_moves_as_it_is(self, archive: Path) -> None:
        before, held = rows(archive), payloads(archive)
        hurt = before["4.png"]
        flip(archive / hurt.shard, (hurt.payload_offset or 0) + 30)
        damaged = (archive / hurt.shard).read_bytes()
        summary = repair(archive)
        assert (summary.salvaged, summary.encoded_again, summary.lost) == (2, 1, [])
        now = rows(archive)
        assert payloads(archive) == held
        for key in ("3.jpg", "5.png"):
            assert now[key].encoded_at == before[key].encoded_at
            assert now[key].run == before[key].run
        assert Archive(str(archive)).read("3.jpg").exif is not None
        assert Archive(str(archive)).read("3.jpg").icc == ICC
        assert now["4.png"].encoded_at > before["4.png"].encoded_at
        assert (archive / hurt.shard).read_bytes() == damaged, "evidence stays"
        assert_sound(archive)
        record = json.loads((archive / f"runs/{summary.repair}/repair.json").read_text())
        assert record["encoded_again"] == 1

    def test_metadata_that_is_damaged_is_encoded_again_with_its_image(self, archive: Path) -> None:
        before = rows(archive)["3.jpg"]
        assert before.icc_offset is not None
        flip(archive / before.shard, before.icc_offset + 9)
        summary = repair(archive)
        assert (summary.salvaged, summary.encoded_again) == (2, 1)
        assert Archive(str(archive)).read("3.jpg").icc == ICC
        assert_sound(archive)

    def test_a_footer_that_is_damaged_costs_nothing(self, archive: Path) -> None:
        before, held = rows(archive), payloads(archive)
        path = archive / before["4.png"].shard
        flip(path, path.stat().st_size - 3)
        summary = repair(archive)
        assert (summary.salvaged, summary.encoded_again) == (3, 0)
        assert payloads(archive) == held
        assert_sound(archive)

    def test_sources_that_are_gone_or_changed_are_lost_and_said(self, own: Path) -> None:
        source, archive = own / "source", own / "archive"
        before = rows(archive)
        (archive / before["0.png"].shard).unlink()
        (source / "0.png").unlink()
        (source / "1.png").write_bytes(waves(77))
        would = repair(archive, dry_run=True)
        summary = repair(archive)
        assert [image["key"] for image in summary.lost] == ["0.png", "1.png"]
        assert would.lost == summary.lost
        assert "no longer there" in summary.lost[0]["reason"]
        assert "another version" in summary.lost[1]["reason"]
        assert all(image["reason"].startswith("lost: ") for image in summary.lost)
        now = rows(archive)
        assert [now[key].status for key in ("0.png", "1.png", "2.png")] == ["failed", "failed", "coded"]
        assert now["0.png"].source_sha256 == before["0.png"].source_sha256, (
            "tells what to look for in backups"
        )
        assert_sound(archive)
        assert repair(archive).lost == summary.lost, "as long as it is lost it is said"
        taken = CompressRun(parse_source(str(source)), Storage(archive), told(quality=40)).run()
        assert (taken.images, taken.unchanged) == (1, 6), "the other version comes in"

    def test_a_shard_that_is_there_again_gives_its_lost_images_back(self, own: Path) -> None:
        source, archive = own / "source", own / "archive"
        before = rows(archive)
        away = archive / before["0.png"].shard
        data = away.read_bytes()
        away.unlink()
        shutil.move(source, own / "not-mounted")
        assert [image["key"] for image in repair(archive).lost] == ["0.png", "1.png", "2.png"]
        assert rows(archive)["0.png"].reason == repair(archive).lost[0]["reason"]
        assert before["0.png"].shard in repair(archive).lost[0]["reason"]
        away.write_bytes(data)
        would, did = repair(archive, dry_run=True), repair(archive)
        assert (would.returned, would.lost) == (did.returned, did.lost) == (3, [])
        assert rows(archive) == before
        assert_sound(archive)

    def test_what_is_lost_stays_so_when_it_is_tried_again_in_vain(self, own: Path) -> None:
        archive = own / "archive"
        shard = rows(archive)["0.png"].shard
        (archive / shard).unlink()
        (own / "source/0.png").unlink()
        repair(archive)
        storage = Storage(archive)
        CompressRun(failed_images(storage, storage.options), storage, told(quality=40)).run()
        (lost,) = repair(archive).lost
        assert lost["reason"].startswith("lost: ")
        assert lost["reason"].endswith(shard)

    def test_an_interrupted_run_whose_rows_were_moved_still_resumes(self, own: Path) -> None:
        archive = own / "archive"
        hurt, held = rows(archive)["1.png"], payloads(archive)
        (archive / f"runs/{hurt.run}/summary.json").unlink()
        for key in ("1.png", "4.png", "deep.png"):
            row = rows(archive)[key]
            flip(archive / row.shard, row.payload_offset or 0)
        repair(archive)
        assert compress(own / "source", archive, quality=40) == hurt.run
        assert payloads(archive) == held
        assert_sound(archive)

    def test_a_catalogue_that_says_otherwise_than_a_sound_shard(self, archive: Path) -> None:
        storage, before = Storage(archive), rows(archive)
        catalogue = Catalogue(storage)
        wrong = catalogue.table(where="key = '4.png'").to_pylist()[0]
        table = catalogue.table(where="key = '4.png'")
        wrong |= {"psnr_db": 99.0, "source_etag": "9"}
        catalogue.commit(table.from_pylist([wrong], table.schema), run="by hand")
        summary = repair(archive)
        assert (summary.corrected, summary.encoded_again) == (1, 0)
        assert rows(archive) == before
        assert_sound(archive)

    def test_every_kind_of_settings_in_one_repair(self, own: Path) -> None:
        """Two codecs, a target, floors: each image comes back as it was."""
        source, archive = own / "source", own / "archive"
        for names, options in (
            (("6.png", "7.png"), {"id": "plain-2", "bpp": 5.0}),
            (("8.png", "9.png"), {"quality": 10, "min_psnr_db": 38.0}),
        ):
            for name in names:
                (source / name).write_bytes(waves(int(name[0])))
            compress(source, archive, **options)
        keys = [*KEYS, "6.png", "7.png", "8.png", "9.png"]
        found = Catalogue(Storage(archive)).lookup(keys)
        for shard in {row.shard for row in found}:
            (archive / shard).unlink()
        summary = repair(archive)
        assert (summary.encoded_again, summary.salvaged, summary.lost) == (11, 1, [])
        now = {row.key: row for row in Catalogue(Storage(archive)).lookup(keys)}
        for row in found[:-1]:  # all but the failed one
            assert (now[row.key].codec, now[row.key].quality) == (row.codec, row.quality), row.key
            assert now[row.key].payload_length == pytest.approx(row.payload_length, rel=0.05), row.key
        assert_sound(archive)

    def test_own_weights_are_the_archives_copy(self, own: Path) -> None:
        source, archive, given = own / "source", own / "archive-2", own / "mine.safetensors"
        given.write_bytes(b"weights of my own")
        compress(source, archive, quality=40, weights=str(given))
        given.unlink()
        held = payloads(archive)
        (archive / rows(archive)["4.png"].shard).unlink()
        assert repair(archive).encoded_again == 3
        assert payloads(archive) == held
        assert_sound(archive)

    def test_a_config_that_names_a_codec_counts(self, archive: Path) -> None:
        (archive / rows(archive)["4.png"].shard).unlink()
        repair(archive, config=told(id="plain-3", quality=20))
        now = rows(archive)["4.png"]
        assert (now.codec, now.quality) == ("plain-3", 20)

    def test_records_of_runs_that_are_gone_or_damaged_do_not_hinder(self, archive: Path) -> None:
        held, run = payloads(archive), rows(archive)["4.png"].run
        (archive / f"runs/{run}/run.json").write_text("{")
        (archive / rows(archive)["4.png"].shard).unlink()
        summary = repair(archive)
        assert payloads(archive) == held
        assert summary.damaged_records == [f"runs/{run}/run.json"]
        assert_sound(archive)


class TestWeights:
    def test_shipped_ones_are_put_back(
        self, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (path,) = (archive / "codec").iterdir()
        (tmp_path / "shipped").mkdir()
        shutil.copy(path, tmp_path / "shipped/plain.safetensors")
        monkeypatch.setattr(codec.weights_file, "SHIPPED", tmp_path / "shipped")
        good = path.read_bytes()
        flip(path, 3)
        summary = repair(archive)
        assert path.read_bytes() == good
        assert summary.mended == [f"codec/{path.name}"]
        assert (archive / str(summary.put_aside) / "codec" / path.name).exists()
        assert_sound(archive)

    def test_others_are_said_with_the_images_that_need_them(self, archive: Path) -> None:
        (path,) = (archive / "codec").iterdir()
        flip(path, 3)
        before = path.read_bytes()
        (archive / "codec/readme.txt").write_text("put here by hand")
        summary = repair(archive)
        assert path.read_bytes() == before
        assert (archive / "codec/readme.txt").exists()
        named = {problem.key for problem in summary.problems}
        assert named == {None, *(key for key, row in rows(archive).items() if row.status == "coded")}


class TestCare:
    def test_a_sound_archive_is_left_alone(self, archive: Path) -> None:
        before = tree(archive)
        summary = repair(archive)
        assert not summary.found
        left = tree(archive)
        assert {path: left[path] for path in left if not path.startswith("locks/")} == before

    @pytest.mark.parametrize("harm", [drop_catalogue, drop_entry, flip_file, None])
    def test_a_dry_run_tells_and_changes_nothing(
        self, archive: Path, harm: Callable[[Path], None] | None
    ) -> None:
        hurt = rows(archive)["4.png"]
        if harm is not None:
            harm(archive)
        else:
            flip(archive / hurt.shard, hurt.payload_offset or 0)
        before = tree(archive)
        would = repair(archive, dry_run=True)
        assert tree(archive) == before
        did = repair(archive)
        for name in ("damaged", "salvaged", "encoded_again", "lost", "problems", "mended"):
            assert getattr(would, name) == getattr(did, name), name
        assert (would.rebuilt is None) == (did.rebuilt is None) == (harm is None)

    def test_no_archive_and_one_that_somebody_holds(self, archive: Path, tmp_path: Path) -> None:
        with pytest.raises(NoArchiveError):
            repair(tmp_path / "none")
        assert not (tmp_path / "none").exists()
        (tmp_path / "other/shards").mkdir(parents=True)
        (tmp_path / "other/shards/readme.txt").write_text("of something else")
        with pytest.raises(NoArchiveError):
            repair(tmp_path / "other")
        assert [path.name for path in (tmp_path / "other").iterdir()] == ["shards"]
        with Lease(Storage(archive), verb="nightly"):
            with pytest.raises(LockedError):
                repair(archive)
            assert not repair(archive, dry_run=True).found, "looking is free"


class TestOnS3:
    def test_the_whole_road(self, made: Path, s3_env: S3Server) -> None:
        url = f"s3://{s3_env.bucket()}/archive"
        storage = Storage(url)
        CompressRun(parse_source(str(made / "source")), storage, told(quality=40)).run()
        before = rows(url)
        data = bytearray(storage.read(before["4.png"].shard))
        data[before["4.png"].payload_offset or 0] ^= 1
        storage.write(before["4.png"].shard, bytes(data))
        storage.delete(before["0.png"].shard)
        would = repair(url, dry_run=True)
        assert (would.salvaged, would.encoded_again) == (2, 4)
        for info in list(storage.list("catalogue/_delta_log")):
            if info.path.endswith("00001.json"):
                storage.delete(info.path)
        summary = repair(url)
        assert summary.rebuilt is not None
        assert len(summary.rebuilt.unknown) == 1, "the catalogue that named its rows cannot be opened"
        assert set(rows(url)) == {"deep.png", "none.png"}
        CompressRun(parse_source(str(made / "source")), storage, told(quality=40)).run()
        now = rows(url)
        storage.delete(now["0.png"].shard)
        assert repair(url).encoded_again == 3
        assert {key: row.payload_crc32c for key, row in rows(url).items()} == {
            key: row.payload_crc32c for key, row in before.items()
        }
        assert_sound(url)


class Killed(BaseException):
    """As SIGKILL: nobody catches it."""


def killed_at(number: int, archive: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Repair until just before the n-th change of the archive; whether it came that far."""
    count = itertools.count()

    def deadly(whole: Callable[..., object]) -> Callable[..., object]:
        def change(owner: object, first: object, *rest: object, **more: object) -> object:
            is_lease = isinstance(first, str) and first.startswith("locks/")
            if not is_lease and next(count) == number:
                raise Killed
            return whole(owner, first, *rest, **more)

        return change

    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "commit", deadly(Catalogue.commit))
        for name in ("write", "create", "delete"):
            patch.setattr(Storage, name, deadly(getattr(Storage, name)))
        try:
            repair(archive)
        except Killed:
            return True
    return False


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
            aside = {data for name, data in left.items() if name.startswith("lost/") and name.endswith(path)}
            assert sha256 in {left.get(path)} | aside, path


class TestKilled:
    def test_at_every_change_of_the_archive(
        self, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pipeline.rebuild, "_ROWS_PER_COMMIT", 3)
        held = payloads(made / "archive")
        harmed = Path(shutil.copytree(made / "archive", tmp_path / "harmed"))
        everything_at_once(harmed)
        for number in itertools.count():
            archive = Path(shutil.copytree(harmed, tmp_path / f"a{number}"))
            if not killed_at(number, archive, monkeypatch):
                break
            assert_nothing_gone(tree(harmed), archive)
            assert repair(archive).lost == []
            assert payloads(archive) == held, number
            assert_sound(archive)
            assert_nothing_gone(tree(harmed), archive)
            assert not list(archive.glob("lost/*/repairing.json"))
            assert not repair(archive).found
            shutil.rmtree(archive)
        assert number > 25

    def test_while_it_does_without_a_checkpoint(
        self, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = rows(long)
        flip(max(long.glob("catalogue/_delta_log/*.checkpoint.parquet")), 40)
        flip(max(long.glob("seals/*")), 40)
        for number in itertools.count():
            archive = Path(shutil.copytree(long, tmp_path / f"a{number}"))
            if not killed_at(number, archive, monkeypatch):
                break
            assert repair(archive).rebuilt is None
            assert rows(archive) == held, number
            assert_sound(archive)
            assert_nothing_gone(tree(long), archive)
            shutil.rmtree(archive)
        assert number > 20

    def test_no_run_commits_to_half_a_catalogue(self, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        source, archive = own / "source", own / "archive"
        monkeypatch.setattr(pipeline.rebuild, "_ROWS_PER_COMMIT", 3)
        drop_catalogue(archive)
        with monkeypatch.context() as patch:
            count, commit = itertools.count(), Catalogue.commit

            def deadly(catalogue: Catalogue, *args: Any, **more: Any) -> int:
                if next(count) == 1:
                    raise Killed
                return commit(catalogue, *args, **more)

            patch.setattr(Catalogue, "commit", deadly)
            with pytest.raises(Killed):
                repair(archive)
        with pytest.raises(ArchiveError, match="got one that a repair is making anew"):
            compress(source, archive, quality=40)
        assert repair(archive).rebuilt is not None
        assert set(rows(archive)) == set(KEYS)
        assert_sound(archive)
