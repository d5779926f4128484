"""Verify: a flipped byte anywhere is found, and never decoded in silence."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pytest

import pipeline.decode.resident_codecs
import pipeline.verify.worker
import tests.support.plain_codec
from codec.contract import EncodeOptions
from codec.weights_file import weights_name
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import SHARDS_FOLDER
from pipeline.archive.range_reads import read_rows
from pipeline.archive.seals import read_seals, seal
from pipeline.archive.shards import build_shard, publish
from pipeline.archive.weights import store_weights
from pipeline.config import CompressConfig, WorkersConfig
from pipeline.decode.archive import Archive
from pipeline.errors import NoArchiveError, TenfoldError
from pipeline.store.backend import ObjectInfo
from pipeline.store.storage import Storage
from pipeline.types import ShardRow
from pipeline.verify.run import VerifyRun, VerifySummary
from pipeline.verify.tasks import Thoroughness
from tests.support.bad_sectors import bad_sectors
from tests.support.image_archives import coded, files, flip, kept
from tests.support.image_files import EXIF, ICC, file_of, picture
from tests.support.own_process import in_own_process
from tests.support.plain_codec import PlainCodec, load_plain
from tests.support.shard_rows import kept_row, make_row

HERE = CompressConfig(workers=WorkersConfig(count=0))


@pytest.fixture(autouse=True)
def _plain_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)


def look(url: Path | str, level: Thoroughness = "checksum", **more: float | int) -> VerifySummary:
    return VerifyRun(Storage(str(url)), HERE, level=level, **more).run()  # type: ignore[arg-type]


def sourced(row: ShardRow, folder: Path, data: bytes) -> ShardRow:
    """A row whose source lies in a folder."""
    path = folder / row.key
    path.write_bytes(data)
    return replace(row, source_url=str(path), source_sha256=hashlib.sha256(data).hexdigest())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed archive of two shards: coded images with metadata, a kept one, a failed one, one changed since."""
    folder, sources = tmp_path_factory.mktemp("verify") / "archive", tmp_path_factory.mktemp("sources")
    storage = Storage(folder)
    catalogue = Catalogue(storage)
    catalogue.create()
    store_weights(storage, PlainCodec().weights)
    jpeg = file_of(picture(), "JPEG", exif=EXIF, icc_profile=ICC)
    deep = PIL.Image.fromarray(np.arange(200, dtype=np.uint16).reshape(10, 20))
    first = [
        sourced(coded("a.jpg", jpeg), sources, jpeg),
        sourced(coded("b.png", file_of(picture(seed=1)), psnr_db=None), sources, file_of(picture(seed=1))),
        sourced(kept("deep.png", file_of(deep)), sources, file_of(deep)),
        make_row("none.png", None, reason="not an image", codec=None, quality=None, symbols_crc32=None),
    ]
    second = [
        replace(coded("b.png", file_of(picture(seed=2))), source_etag="2"),
        coded("c", file_of(picture("L"))),
    ]
    for number, rows in enumerate((first, second)):
        shard = build_shard([replace(row, run=f"run-{number}") for row in rows], metadata={})
        path = publish(storage, shard, f"run-{number}", 0)
        catalogue.commit(shard.named(path), run=f"run-{number}")
    seal(storage, catalogue.version())
    return folder


@pytest.fixture
def archive(whole: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "archive"))


def test_shards_that_a_run_adds_meanwhile_are_not_missed(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Storage(shutil.copytree(whole, tmp_path / "archive"))
    listed = Storage.list

    def committing(storage: Storage, prefix: str = "", **more: Any) -> list[ObjectInfo]:
        found = list(listed(storage, prefix, **more))
        if prefix == SHARDS_FOLDER:
            monkeypatch.setattr(Storage, "list", listed)
            shard = build_shard([kept_row("late.png", b"late", run="run-2")], metadata={})
            Catalogue(archive).commit(shard.named(publish(archive, shard, "run-2", 0)), run="run-2")
        return found

    monkeypatch.setattr(Storage, "list", committing)
    assert look(archive.url).problems == []
    assert "late.png" in Archive(archive.url)


def test_a_shard_that_cannot_be_read_is_named_and_the_rest_is_seen(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {row.key: row for row in Catalogue(Storage(whole)).lookup(["a.jpg", "b.png", "c", "deep.png"])}
    bad_sectors(monkeypatch, rows["c"].shard)
    summary = look(whole)
    assert {(problem.path, problem.key) for problem in summary.problems} == {
        (rows["c"].shard, key) for key in (None, "b.png", "c")
    }
    assert "Expected to read the shard" in summary.problems[0].problem
    assert summary.inspected_shards == 2
    assert [problem.path for problem in look(whole, "structure").problems] == [rows["c"].shard]
    found = {row.key: image for row, image in read_rows(Storage(whole), list(rows.values()))}
    assert sorted(key for key, image in found.items() if isinstance(image, str)) == ["b.png", "c"]


def test_what_flips_on_the_way_is_neither_sealed_nor_called_damaged(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen = Storage.read, set[str]()

    def unsteady(self: Storage, path: str) -> bytes:
        """The first time, a bit is another one."""
        data = bytearray(read(self, path))
        if path not in seen and path.startswith(("catalogue/", "shards/")):
            seen.add(path)
            data[len(data) // 2] ^= 1
        return bytes(data)

    shutil.rmtree(archive / "seals")
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "read", unsteady)
        seal(Storage(archive), Catalogue(Storage(archive)).version())
    assert read_seals(Storage(archive)).files
    assert look(archive).sound
    seen.clear()
    monkeypatch.setattr(Storage, "read", unsteady)
    assert look(archive).sound
    assert seen


class TestSound:
    @pytest.mark.parametrize("level", ["structure", "checksum", "decode"])
    def test_an_archive_as_it_was_written(self, whole: Path, level: Thoroughness) -> None:
        seen = look(whole, level)
        assert (seen.sound, seen.problems) == (True, [])
        assert (seen.images, seen.shards, seen.inspected_shards, seen.version) == (5, 2, 2, 2)
        assert (seen.unsealed_versions, seen.unreferenced_shards) == (0, 0)
        assert (seen.read_bytes > 0) == (level != "structure")
        assert (seen.decoded, seen.compared) == ((4, 2) if level == "decode" else (0, 0))

    def test_what_old_versions_and_killed_runs_left_is_no_problem(self, archive: Path) -> None:
        storage = Storage(archive)
        publish(storage, build_shard([make_row("orphan")], metadata={}), "run-9", 0)
        seen = look(archive)
        assert (seen.sound, seen.unreferenced_shards) == (True, 1)
        assert seen.unreferenced_bytes > 0

    def test_versions_that_are_not_sealed_yet_are_said(self, archive: Path) -> None:
        storage = Storage(archive)
        shard = build_shard([coded("d", file_of(picture()))], metadata={})
        Catalogue(storage).commit(shard.named(publish(storage, shard, "run-3", 0)), run="run-3")
        assert (look(archive).sound, look(archive).unsealed_versions) == (True, 1)
        seal(storage, 3)
        assert look(archive).unsealed_versions == 0

    def test_an_empty_archive_and_none(self, tmp_path: Path) -> None:
        Catalogue(Storage(tmp_path / "a")).create()
        assert look(tmp_path / "a").sound
        with pytest.raises(NoArchiveError, match="got an empty folder or none"):
            look(tmp_path / "b")


def _look_at_flips(archive: Path) -> tuple[int, list[str]]:
    """Flip bits all over an archive, one at a time: how many, and those with which it is called sound."""
    rng = np.random.default_rng(11)
    tried, overlooked = 0, []
    for path in files(archive):
        data = path.read_bytes()
        ends = [0, 1, len(data) // 2, len(data) - 9, len(data) - 5, len(data) - 1]
        for at in sorted({*ends, *rng.integers(0, len(data), 6).tolist()}):
            flip(path, at, bit := int(rng.integers(8)))
            if look(archive).sound:
                overlooked.append(f"{path.relative_to(archive)} byte {at} bit {bit}")
            path.write_bytes(data)
            tried += 1
    assert look(archive).sound
    return tried, overlooked


class TestFlippedBytes:
    def test_one_anywhere_is_found(self, archive: Path) -> None:
        """Every position class: the ends of every file, and places drawn all over it; where a crash ends no suite."""
        tried, overlooked = in_own_process(_look_at_flips, archive)
        assert tried > 100
        assert overlooked == []

    def test_none_is_decoded_in_silence(self, archive: Path) -> None:
        """A flip in a shard gives an error, or the image as it was: it lies where that image is not."""
        whole = {key: Archive(str(archive)).file(key).data for key in ("a.jpg", "b.png", "c", "deep.png")}
        rng = np.random.default_rng(12)
        refused = 0
        for path in files(archive / "shards"):
            data = path.read_bytes()
            for at in rng.integers(0, len(data), 30).tolist():
                flip(path, at)
                opened = Archive(str(archive))
                for key, expected in whole.items():
                    try:
                        assert opened.file(key).data == expected, f"{key}: {path.name} byte {at}"
                    except TenfoldError:
                        refused += 1
                path.write_bytes(data)
        assert refused > 10

    def test_the_images_that_are_hurt_are_named(self, archive: Path) -> None:
        row = Archive(str(archive)).row("c")
        assert row.payload_offset is not None
        flip(archive / row.shard, row.payload_offset + 3)
        named = {(problem.path, problem.key) for problem in look(archive).problems}
        assert named == {(row.shard, None), (row.shard, "c")}


class TestLosses:
    @pytest.mark.parametrize("level", ["structure", "checksum"])
    def test_a_shard_that_is_gone_names_its_images(self, archive: Path, level: Thoroughness) -> None:
        shard = Archive(str(archive)).row("a.jpg").shard
        (archive / shard).unlink()
        keys = {problem.key for problem in look(archive, level).problems}
        assert keys == {"a.jpg", "deep.png", "none.png"}

    @pytest.mark.parametrize("change", [-5, -1, 1, 4096])
    def test_a_shard_of_another_length(self, archive: Path, change: int) -> None:
        path = archive / Archive(str(archive)).row("c").shard
        data = path.read_bytes()
        path.write_bytes(data[:change] if change < 0 else data + bytes(change))
        for level in ("structure", "checksum"):
            assert not look(archive, level).sound

    def test_catalogue_files_that_are_gone_or_shorter(self, archive: Path) -> None:
        for path in files(archive / "catalogue"):
            data = path.read_bytes()
            path.unlink()
            assert not look(archive).sound, path.name
            path.write_bytes(data[:-1])
            assert not look(archive).sound, path.name
            path.write_bytes(data)
        part = next(path for path in (archive / "catalogue").glob("*.parquet"))
        part.write_bytes(part.read_bytes()[:-1])

    def test_weights_that_are_others(self, archive: Path) -> None:
        (path,) = (archive / "codec").iterdir()
        path.write_bytes(b"others")
        (problem,) = look(archive).problems
        assert problem.path == f"codec/{path.name}"
        assert path.name == weights_name(bytes.fromhex(path.stem))

    def test_weights_that_are_gone(self, archive: Path) -> None:
        (path,) = (archive / "codec").iterdir()
        path.unlink()
        shards = {f"shards/{shard.relative_to(archive / 'shards')}" for shard in files(archive / "shards")}
        problems = look(archive).problems
        assert {problem.path for problem in problems} <= shards
        assert all("weights that are not in the archive's codec/" in problem.problem for problem in problems)
        assert all(path.stem in problem.problem for problem in problems), "they are named"
        assert problems


class TestDisagreement:
    def test_a_catalogue_that_says_something_else_than_its_shard(self, archive: Path) -> None:
        """As a bug or another tool would leave it: sound files, a wrong value."""
        storage = Storage(archive)
        catalogue = Catalogue(storage)
        rows = catalogue.table(where="key = 'c'")
        wrong = rows.set_column(rows.schema.get_field_index("psnr_db"), "psnr_db", pa.array([99.0]))
        changed = wrong.set_column(rows.schema.get_field_index("source_etag"), "source_etag", pa.array(["9"]))
        catalogue.commit(changed, run="run-1")
        seal(storage, catalogue.version())
        (problem,) = look(archive).problems
        assert (problem.path, problem.key) == ("catalogue", "c")
        assert "source_etag, psnr_db" in problem.problem


class TestDecoding:
    def test_an_image_that_is_worse_than_was_measured(self, tmp_path: Path) -> None:
        data = file_of(picture(seed=5))
        (tmp_path / "sources").mkdir()
        row = sourced(coded("a.png", data, psnr_db=None), tmp_path / "sources", data)
        (encoded,) = PlainCodec().encode([np.asarray(picture(seed=5))], EncodeOptions(quality=2))
        worse = make_row("a.png", encoded.payload)
        row = replace(
            row,
            payload=worse.payload,
            payload_crc32c=worse.payload_crc32c,
            symbols_crc32=encoded.symbols_crc32,
        )
        storage = Storage(tmp_path / "a")
        Catalogue(storage).create()
        store_weights(storage, PlainCodec().weights)
        shard = build_shard([row], metadata={})
        Catalogue(storage).commit(shard.named(publish(storage, shard, "run-1", 0)), run="run-1")
        assert look(tmp_path / "a").sound, "the bytes are those that were written"
        (problem,) = look(tmp_path / "a", "decode").problems
        assert (problem.key, "dB PSNR against" in problem.problem) == ("a.png", True)

    def test_a_payload_that_does_not_decode(self, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tests.support.plain_codec, "_crc32", lambda _: 1)
        keys = {problem.key for problem in look(archive, "decode").problems}
        assert keys == {"a.jpg", "b.png", "c"}


class TestSample:
    def test_some_shards_and_at_least_one(self, whole: Path) -> None:
        assert look(whole, sample=0.01).inspected_shards == 1
        assert look(whole, sample=1.0).inspected_shards == 2
        drawn = {look(whole, sample=0.5, seed=seed).read_bytes for seed in range(8)}
        assert len(drawn) == 2, "other seeds, other shards"

    def test_some_images(self, whole: Path) -> None:
        assert look(whole, "decode", sample=0.5).decoded == 2
        assert look(whole, "decode", sample=0.01).decoded == 1


class TestSeals:
    def test_sealing_twice_is_sealing_once(self, archive: Path) -> None:
        before = sorted(path.name for path in files(archive / "seals"))
        seal(Storage(archive), 2)
        assert sorted(path.name for path in files(archive / "seals")) == before
        assert read_seals(Storage(archive)).version == 2

    def test_checkpoints_are_sealed_and_the_hint_may_run_ahead(self, tmp_path: Path) -> None:
        storage = Storage(tmp_path)
        catalogue = Catalogue(storage)
        catalogue.create()
        for number in range(21):
            shard = build_shard([kept_row(f"{number:02d}")], metadata={})
            catalogue.commit(shard.named(publish(storage, shard, "run-1", number)), run="run-1")
            if number == 12:
                seal(storage, catalogue.version())
        sealed = read_seals(storage).files
        assert any(path.endswith(".checkpoint.parquet") for path in sealed)
        assert look(tmp_path).sound, "the hint names a newer checkpoint than the seal"
        hint = tmp_path / "catalogue/_delta_log/_last_checkpoint"
        hint.write_text(json.dumps({**json.loads(hint.read_text()), "version": 10}))
        assert not look(tmp_path).sound
