"""Repair brings images and weights back, says what cannot come, and changes nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import codec.weights_file
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.lease import Lease
from pipeline.compress.archived_images import failed_images
from pipeline.compress.failed_batches import failed_batches
from pipeline.compress.run import CompressRun
from pipeline.decode.archive import Archive
from pipeline.errors import LockedError, NoArchiveError
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from tests.support.bad_sectors import bad_sectors
from tests.support.image_archives import flip
from tests.support.image_files import ICC, waves
from tests.support.repair_steps import (
    KEYS,
    assert_sound,
    compress,
    config_with,
    drop_catalogue,
    drop_entry,
    flip_file,
    payloads,
    repair,
    rows,
    tree,
)
from tests.support.seaweed import S3Server


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
        damaged_row = before["4.png"]
        flip(archive / damaged_row.shard, (damaged_row.payload_offset or 0) + 30)
        damaged = (archive / damaged_row.shard).read_bytes()
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
        assert (archive / damaged_row.shard).read_bytes() == damaged, "evidence stays"
        assert_sound(archive)
        record = json.loads((archive / f"runs/{summary.repair}/repair.json").read_text())
        assert record["encoded_again"] == 1

    def test_one_that_cannot_be_read_stays_as_it_is_and_others_are_mended(
        self, archive: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = rows(archive)
        bad = before["0.png"].shard
        (archive / before["4.png"].shard).unlink()
        bad_sectors(monkeypatch, bad)
        summary = repair(archive)
        assert [problem.path for problem in summary.problems] == [bad]
        assert (summary.encoded_again, summary.lost) == (3, [])
        now = rows(archive)
        assert {key for key, row in now.items() if row == before[key]} == {
            key for key, row in before.items() if row.shard != before["4.png"].shard
        }

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
        assert [image.key for image in summary.lost] == ["0.png", "1.png"]
        assert would.lost == summary.lost
        assert "no longer there" in summary.lost[0].reason
        assert "another version" in summary.lost[1].reason
        assert all(image.reason.startswith("lost: ") for image in summary.lost)
        now = rows(archive)
        assert [now[key].status for key in ("0.png", "1.png", "2.png")] == ["failed", "failed", "coded"]
        assert now["0.png"].source_sha256 == before["0.png"].source_sha256, (
            "tells what to look for in backups"
        )
        assert_sound(archive)
        assert repair(archive).lost == summary.lost, "as long as it is lost it is said"
        taken = (
            CompressRun(parse_source(str(source)), Storage(archive), config_with(quality=40)).run().summary
        )
        assert (taken.images, taken.unchanged) == (2, 5), (
            "the other version comes in; what could not be read is tried"
        )

    def test_a_shard_that_is_there_again_gives_its_lost_images_back(self, own: Path) -> None:
        source, archive = own / "source", own / "archive"
        before = rows(archive)
        away = archive / before["0.png"].shard
        data = away.read_bytes()
        away.unlink()
        shutil.move(source, own / "not-mounted")
        assert [image.key for image in repair(archive).lost] == ["0.png", "1.png", "2.png"]
        assert rows(archive)["0.png"].reason == repair(archive).lost[0].reason
        assert before["0.png"].shard in repair(archive).lost[0].reason
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
        CompressRun(failed_images(storage, storage.options), storage, config_with(quality=40)).run()
        (image,) = repair(archive).lost
        assert image.reason.startswith("lost: ")
        assert image.lost_shard == rows(archive)["0.png"].lost_shard == shard

    @pytest.mark.parametrize("as_then", [True, False])
    def test_what_was_lost_and_is_tried_again_has_the_quality_that_it_had(
        self, own: Path, as_then: bool
    ) -> None:
        archive, source = own / "archive", own / "source/0.png"
        before, held = rows(archive)["0.png"], payloads(archive)["0.png"]
        (archive / before.shard).unlink()
        source.rename(own / "0.png")
        repair(archive)
        (own / "0.png").rename(source)
        for batch in failed_batches(Storage(archive), config_with(quality=11), as_then=as_then):
            CompressRun(batch.source, Storage(archive), batch.config).run()
        assert rows(archive)["0.png"].quality == (before.quality if as_then else 11)
        assert (payloads(archive)["0.png"] == held) is as_then

    def test_an_interrupted_run_whose_rows_were_moved_still_resumes(self, own: Path) -> None:
        archive = own / "archive"
        damaged_row, held = rows(archive)["1.png"], payloads(archive)
        (archive / f"runs/{damaged_row.run}/summary.json").unlink()
        for key in ("1.png", "4.png", "deep.png"):
            row = rows(archive)[key]
            flip(archive / row.shard, row.payload_offset or 0)
        repair(archive)
        assert compress(own / "source", archive, quality=40) == damaged_row.run
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
        repair(archive, config=config_with(id="plain-3", quality=20))
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
        damaged_row = rows(archive)["4.png"]
        if harm is not None:
            harm(archive)
        else:
            flip(archive / damaged_row.shard, damaged_row.payload_offset or 0)
        before = tree(archive)
        would = repair(archive, dry_run=True)
        assert tree(archive) == before
        did = repair(archive)
        for name in ("damaged", "salvaged", "encoded_again", "lost", "problems", "mended"):
            assert getattr(would, name) == getattr(did, name), name
        assert (would.rebuilt is None) == (did.rebuilt is None) == (harm is None)

    def test_no_archive_and_one_that_somebody_holds(self, archive: Path, tmp_path: Path) -> None:
        with pytest.raises(NoArchiveError, match="got an empty folder or none"):
            repair(tmp_path / "none")
        assert not (tmp_path / "none").exists()
        (tmp_path / "other/shards").mkdir(parents=True)
        (tmp_path / "other/shards/readme.txt").write_text("of something else")
        with pytest.raises(NoArchiveError, match="got other files"):
            repair(tmp_path / "other")
        assert [path.name for path in (tmp_path / "other").iterdir()] == ["shards"]
        with Lease(Storage(archive), verb="nightly"):
            with pytest.raises(LockedError, match="the lease of a nightly"):
                repair(archive)
            assert not repair(archive, dry_run=True).found, "looking is free"


class TestOnS3:
    def test_the_whole_road(self, made: Path, s3_env: S3Server) -> None:
        url = f"s3://{s3_env.bucket()}/archive"
        storage = Storage(url)
        CompressRun(parse_source(str(made / "source")), storage, config_with(quality=40)).run()
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
        CompressRun(parse_source(str(made / "source")), storage, config_with(quality=40)).run()
        now = rows(url)
        storage.delete(now["0.png"].shard)
        assert repair(url).encoded_again == 3
        assert {key: row.payload_crc32c for key, row in rows(url).items()} == {
            key: row.payload_crc32c for key, row in before.items()
        }
        assert_sound(url)
