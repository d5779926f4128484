"""A tool that restores never destroys: no original and no archive is written over, however its folder is reached."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import pipeline.decode.resident_codecs
from pipeline.image.read import read_image
from pipeline.image.write import write_image
from pipeline.store import local_files, local_store
from pipeline.store.local_failures import explained
from pipeline.store.local_store import LocalStore
from pipeline.store.storage import Storage
from pipeline.types import Image, ShardRow
from tests.support.image_archives import coded, fill
from tests.support.image_files import file_of, picture
from tests.support.plain_codec import load_plain
from tests.support.road import Ran, tenfold
from tests.support.seaweed import S3Server
from tests.support.shard_rows import kept_row

KEYS = ("a.png", "sub/b.png")


@pytest.fixture(autouse=True)
def _plain_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)


def original(key: str) -> bytes:
    return file_of(picture(size=(5, 4), seed=len(key)), compress_level=0)


def restored(key: str) -> bytes:
    """What the archive gives back: another file than the original, as those of a lossy codec are."""
    image = read_image(original(key))
    assert isinstance(image, Image)
    data = write_image(image, "png")
    assert data != original(key)
    return data


def coded_row(key: str, source: str) -> ShardRow:
    data = original(key)
    digest = hashlib.sha256(data).hexdigest()
    return coded(key, data, source_url=source, source_size=len(data), source_sha256=digest)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """The only originals."""
    folder = tmp_path / "photos"
    for key in KEYS:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(original(key))
    return folder


def archive_of(photos: Path, named: Path | None = None) -> str:
    named = named or photos
    rows = [coded_row(key, str(named / key)) for key in KEYS]
    return fill(str(photos.parent / "arc"), rows)


def decode(archive: str | Path, to: str | Path, *more: str) -> Ran:
    return tenfold("decode", archive, to, "--workers", "0", *more)


def _itself(photos: Path) -> str:
    return str(photos)


def _file_url(photos: Path) -> str:
    return photos.as_uri()


def _link(photos: Path) -> str:
    (photos.parent / "mirror").symlink_to(photos)
    return str(photos.parent / "mirror")


def _linked_subfolder(photos: Path) -> str:
    (photos.parent / "out").mkdir()
    (photos.parent / "out" / "sub").symlink_to(photos / "sub")
    return str(photos.parent / "out")


def _linked_files(photos: Path) -> str:
    (photos.parent / "out" / "sub").mkdir(parents=True)
    for key in KEYS:
        (photos.parent / "out" / key).symlink_to(photos / key)
    return str(photos.parent / "out")


def _hard_links(photos: Path) -> str:
    (photos.parent / "out" / "sub").mkdir(parents=True)
    for key in KEYS:
        os.link(photos / key, photos.parent / "out" / key)
    return str(photos.parent / "out")


def _moved(photos: Path) -> str:
    return str(photos.rename(photos.parent / "photos2"))


WAYS: Mapping[str, Callable[[Path], str]] = {
    "itself": _itself,
    "file url": _file_url,
    "link": _link,
    "linked subfolder": _linked_subfolder,
    "linked files": _linked_files,
    "hard links": _hard_links,
    "moved": _moved,
}


@pytest.mark.parametrize("way", WAYS)
def test_no_original_is_written_over_by_whatever_path_it_is_reached(
    way: str, photos: Path, tmp_path: Path
) -> None:
    archive = archive_of(photos)
    reached = WAYS[way](photos)
    before = files(tmp_path)
    refused = decode(archive, reached)
    assert (refused.code, "--skip-existing" in refused.err, "--overwrite" in refused.err) == (1, True, True)
    refused = decode(archive, reached, "--overwrite")
    assert (refused.code, "is an original" in refused.err) == (1, True)
    assert files(tmp_path) == before
    assert decode(archive, reached, "--skip-existing").code == 0
    after = files(tmp_path)
    assert {name: after[name] for name in before} == before


def test_a_source_reached_through_a_link_is_known_by_what_it_is(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(photos)
    archive = archive_of(photos, named=tmp_path / "link")
    for key in KEYS:  # edited since: not known by its content any more
        (photos / key).write_bytes(b"edited")
    assert "is an original" in decode(archive, photos, "--overwrite").err
    assert set(files(photos).values()) == {b"edited"}


def test_get_writes_over_nothing_unasked_and_over_no_original(photos: Path, tmp_path: Path) -> None:
    archive = archive_of(photos)
    (tmp_path / "link.png").symlink_to(photos / "a.png")
    os.link(photos / "a.png", tmp_path / "hard.png")
    before = files(photos)
    for output in (
        photos / "a.png",
        tmp_path / "link.png",
        tmp_path / "hard.png",
        photos.as_uri() + "/a.png",
    ):
        ran = tenfold("get", archive, "a.png", "-o", output)
        assert (ran.code, "--overwrite" in ran.err) == (1, True)
        ran = tenfold("get", archive, "a.png", "-o", output, "--overwrite")
        assert (ran.code, "an original from which the archive was made" in ran.err) == (1, True)
    assert files(photos) == before
    other = tmp_path / "other.png"
    other.write_bytes(b"somebody's")
    assert tenfold("get", archive, "a.png", "-o", other).code == 1
    assert other.read_bytes() == b"somebody's"
    for more in (["--overwrite"], []):  # the second time it is ours already
        assert tenfold("get", archive, "a.png", "-o", other, *more).code == 0
        assert other.read_bytes() == restored("a.png")


def test_files_are_written_over_only_when_asked(photos: Path, tmp_path: Path) -> None:
    archive = archive_of(photos)
    out = tmp_path / "out"
    assert decode(archive, out).code == 0
    (out / "a.png").write_bytes(b"somebody's")
    ran = decode(archive, out)
    assert (ran.code, "got 2 in" in ran.err, "'a.png', 'sub/b.png'" in ran.err) == (1, True, True)
    assert (out / "a.png").read_bytes() == b"somebody's"
    assert decode(archive, out, "--overwrite").code == 0
    assert files(out) == {key: restored(key) for key in KEYS}
    assert decode(archive, out, "--overwrite", "--skip-existing").code == 2


def test_what_was_kept_byte_for_byte_may_lie_there_already(tmp_path: Path) -> None:
    archive = fill(str(tmp_path / "arc"), [kept_row("a.png", b"kept", source_size=4)])
    for more in ((), ("--overwrite",), ("--overwrite",)):
        assert decode(archive, tmp_path / "out", *more).code == 0
    assert files(tmp_path / "out") == {"a.png": b"kept"}


def test_a_file_that_appears_meanwhile_stays_and_the_image_gets_another_name(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of(photos)
    monkeypatch.setattr("pipeline.decode.plan.files_at", lambda *_: {})
    for more in ((), ("--overwrite",)):
        ran = decode(archive, photos, "--json", *more)
        assert ran.code == 0
        renamed = {one["key"]: one["name"] for one in ran.json()["renamed"]}
        assert renamed.keys() == set(KEYS)
        for key in KEYS:
            assert (photos / key).read_bytes() == original(key)
            assert (photos / renamed[key]).read_bytes() == restored(key)


class TestArchives:
    """Nothing is written into one."""

    KEY = "catalogue/_delta_log/00000000000000000001.json"

    @pytest.fixture
    def archive(self, tmp_path: Path) -> Path:
        keys = (self.KEY, f"arc/{self.KEY}", "log/00000000000000000007.json")
        return Path(fill(str(tmp_path / "arc"), [kept_row(key) for key in keys]))

    @pytest.mark.parametrize(
        "to", ["arc", "link", "arc/back", "link/back/deep", "arc/catalogue", "", "holder", "other"]
    )
    def test_by_whatever_path_it_is_reached(self, to: str, archive: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(archive)
        (tmp_path / "holder").mkdir()
        (tmp_path / "holder" / "log").symlink_to(archive / "catalogue" / "_delta_log")
        fill(str(tmp_path / "other"), [kept_row("x.png")])
        before = files(tmp_path)
        for more in ((), ("--overwrite",), ("--skip-existing",)):
            ran = decode(archive, tmp_path / to, *more)
            assert (ran.code, "outside of any archive" in ran.err) == (1, True)
        ran = tenfold("get", archive, self.KEY, "-o", tmp_path / "link" / "catalogue" / "x.json")
        assert (ran.code, "outside of any archive" in ran.err) == (1, True)
        assert files(tmp_path) == before

    def test_a_folder_that_holds_one_takes_what_lies_beside_it(self, tmp_path: Path) -> None:
        archive = fill(str(tmp_path / "arc"), [kept_row("x/a.png")])
        assert decode(archive, tmp_path).code == 0
        assert (tmp_path / "x" / "a.png").exists()

    def test_in_a_bucket(self, s3_env: S3Server) -> None:
        bucket = f"s3://{s3_env.bucket()}"
        source = Storage(bucket)
        source.write("photos/a.png", original("a.png"))
        rows = [kept_row("arc/shards/x.png"), coded_row("a.png", f"{bucket}/photos/a.png")]
        archive = fill(f"{bucket}/arc", rows)
        before = {info.path for info in source.list()}
        for to in (archive, f"{archive}/back", bucket, bucket.replace("s3://", "S3A://") + "/arc/"):
            ran = decode(archive, to)
            assert (ran.code, "outside of any archive" in ran.err) == (1, True)
        assert {info.path for info in source.list()} == before
        ran = decode(archive, f"{bucket}/photos", "--overwrite", "--glob", "a.png")
        assert (ran.code, "is an original" in ran.err) == (1, True)
        assert source.read("photos/a.png") == original("a.png")
        assert decode(archive, f"{bucket}/back", "--glob", "a.png").code == 0
        assert source.read("back/a.png") == restored("a.png")


class TestDestinationThatFails:
    """A store that takes nothing any more ends the run; one image's own failure does not."""

    @pytest.fixture
    def archive(self, tmp_path: Path) -> str:
        return fill(str(tmp_path / "arc"), [kept_row(f"{number}.png") for number in range(6)])

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
    def test_it_stops_says_why_and_the_same_command_goes_on(
        self, code: int, archive: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written: list[str] = []
        real = local_files.write_temporary

        def failing(file: str, data: bytes) -> str:
            if file.startswith(str(tmp_path / "out")):
                if len(written) >= 2:
                    raise OSError(code, os.strerror(code))
                written.append(file)
            return real(file, data)

        with monkeypatch.context() as patch:
            patch.setattr(local_store, "write_temporary", failing)
            ran = decode(archive, tmp_path / "out")
        assert ran.code == 1
        assert "the same command with --skip-existing goes on" in ran.err
        there = files(tmp_path / "out")
        assert len(there) == 2
        ran = decode(archive, tmp_path / "out", "--skip-existing", "--json")
        assert (ran.code, ran.json()["written"], ran.json()["existing"]) == (0, 4, 2)

    def test_one_image_that_cannot_be_written_fails_alone(
        self, archive: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = LocalStore.create

        def failing(self: LocalStore, path: str, data: bytes) -> bool:
            if path == "3.png":
                raise explained(OSError(errno.EFBIG, "File too large"), path, needs_folder=True)
            return real(self, path, data)

        monkeypatch.setattr(LocalStore, "create", failing)
        ran = decode(archive, tmp_path / "out")
        assert (ran.code, "failed: 3.png: " in ran.err) == (3, True)
        assert len(files(tmp_path / "out")) == 5
