"""`tenfold://`: what readers of fsspec find in an archive."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import fsspec
import numpy as np
import PIL.Image
import pyarrow.fs
import pytest

import pipeline.decode.resident_codecs
from codec.errors import CodecConfigError
from pipeline.decode.archive import Archive
from pipeline.errors import ConfigError, DamagedError
from pipeline.files import archive_files
from pipeline.files.filesystem import ArchiveFileSystem
from pipeline.image.generated import SOURCE_TYPE
from pipeline.packing.registry import FILE_PACKINGS
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.types import ShardRow
from tests.support.image_archives import coded, fill, flip, kept
from tests.support.image_files import EXIF, ICC, XMP, file_of, picture
from tests.support.plain_codec import NEGATIVE, load_plain
from tests.support.seaweed import S3Server
from tests.support.shard_rows import kept_row, make_row

PICTURES = {
    "garden.png": picture("L", seed=1),
    "holiday/beach.jpg": picture(seed=2),
    "holiday/more/[1] a::b.png": picture("RGBA", seed=3),
    "holiday/more/grey.png": picture("LA", seed=4),
}
DEEP = file_of(PIL.Image.fromarray(np.arange(300, dtype=np.uint16).reshape(15, 20)))
NOTES = b"not an image " * 200


def _packed(key: str, data: bytes) -> ShardRow:
    pack = FILE_PACKINGS["zstd"].pack
    assert pack is not None
    row = kept_row(key, data)
    return make_row(
        key,
        pack(data),
        status="kept",
        packing="zstd",
        codec=None,
        source_size=len(data),
        source_sha256=row.source_sha256,
        source_format=None,
    )


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [coded(key, file_of(image)) for key, image in PICTURES.items() if key != "holiday/beach.jpg"]
    beach = file_of(PICTURES["holiday/beach.jpg"], exif=EXIF, icc_profile=ICC)
    rows += [coded("holiday/beach.jpg", beach, xmp=XMP), kept("deep.png", DEEP), _packed("notes.txt", NOTES)]
    rows += [make_row("broken.jpg", None, reason="no answer for an hour.")]
    return fill(str(tmp_path_factory.mktemp("files") / "archive"), rows)


@pytest.fixture(autouse=True)
def _plain_codec(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)
    monkeypatch.setattr(archive_files, "_shared", WeakValueDictionary())
    fsspec.register_implementation("tenfold", ArchiveFileSystem, clobber=True)
    yield
    ArchiveFileSystem.clear_instance_cache()


@pytest.fixture
def fs(archive: str) -> Any:
    return fsspec.filesystem("tenfold", fo=archive)


def test_every_file_is_as_long_as_it_is_said_to_be(fs: Any, archive: str) -> None:
    files = fs.find("", detail=True)
    assert list(files) == sorted([*PICTURES, "deep.png", "notes.txt"])
    assert {name: len(fs.cat_file(name)) for name in files} == {
        name: one["size"] for name, one in files.items()
    }
    assert {name: fs.info(name) for name in files} == files
    for key, original in PICTURES.items():
        with fs.open(key) as file, PIL.Image.open(file) as found:
            assert (found.format, found.mode, found.tobytes()) == ("PNG", original.mode, original.tobytes())
    assert (fs.cat_file("deep.png"), fs.cat_file("notes.txt")) == (DEEP, NOTES)
    assert [files[name]["format"] for name in ("deep.png", "notes.txt", "garden.png")] == ["PNG", None, "PNG"]
    assert fs.modified("garden.png") == Archive(archive).row("garden.png").encoded_at


def test_metadata_lie_in_the_png(fs: Any) -> None:
    found = PIL.Image.open(io.BytesIO(fs.cat_file("holiday/beach.jpg")))
    assert (found.info["icc_profile"], found.info["xmp"]) == (ICC, XMP)
    assert (found.getexif()[0x0112], found.size) == (6, (40, 24))


def test_folders(fs: Any) -> None:
    assert [(one["name"], one["type"]) for one in fs.ls("")] == [
        *(("deep.png", "file"), ("garden.png", "file"), ("holiday", "directory"), ("notes.txt", "file"))
    ]
    assert fs.ls("holiday", detail=False) == ["holiday/beach.jpg", "holiday/more"]
    assert fs.ls("garden.png", detail=False) == ["garden.png"]
    assert [(folder, len(files)) for folder, _, files in fs.walk("")] == [
        ("", 3),
        ("holiday", 1),
        ("holiday/more", 2),
    ]
    assert fs.find("holiday", maxdepth=1) == ["holiday/beach.jpg"]
    assert fs.find("holiday", withdirs=True)[:2] == ["holiday", "holiday/beach.jpg"]
    assert fs.du("holiday") == sum(fs.sizes(fs.find("holiday")))
    assert (fs.isdir("holiday/more"), fs.isdir("holi"), fs.isfile("holiday")) == (True, False, False)
    assert fs.glob("**/*.png") == [
        "deep.png",
        "garden.png",
        "holiday/more/[1] a::b.png",
        "holiday/more/grey.png",
    ]
    assert fs.glob("holiday/more/[1] a::b.png") == ["holiday/more/[1] a::b.png"]
    assert fs.glob("holiday/*") == ["holiday/beach.jpg", "holiday/more"]


def test_what_is_not_there_says_so(fs: Any) -> None:
    for ask in (fs.info, fs.open, fs.cat_file, fs.ls, fs.modified):
        with pytest.raises(
            FileNotFoundError, match=r"Expected an image of the archive .*, got 'beech\.jpg'; `ten"
        ):
            ask("beech.jpg")
        with pytest.raises(
            FileNotFoundError, match=r"'broken\.jpg'.*failed: no answer for an hour\. Correct /photos"
        ):
            ask("broken.jpg")
    assert not fs.exists("broken.jpg")


@pytest.mark.parametrize(
    "change",
    [
        lambda fs: fs.open("new.png", "wb"),
        lambda fs: fs.pipe("new.png", b"x"),
        lambda fs: fs.rm("holiday", recursive=True),
        lambda fs: fs.mkdir("new"),
        lambda fs: fs.mv("garden.png", "g.png"),
        lambda fs: fs.touch("new"),
        lambda fs: fs.put_file(__file__, "new.py"),
    ],
)
def test_nothing_is_written(fs: Any, change: Any) -> None:
    with pytest.raises(
        io.UnsupportedOperation, match=r"Expected to read.*`tenfold compress SRC ARCHIVE` puts"
    ):
        change(fs)


class TestUrls:
    def test_open_and_globs(self, archive: str) -> None:
        with fsspec.open(f"tenfold://holiday/beach.jpg::file://{archive}") as file:
            assert PIL.Image.open(file).tobytes() == PICTURES["holiday/beach.jpg"].tobytes()
        assert [one.path for one in fsspec.open_files(f"tenfold://*.png::{archive}")] == [
            "deep.png",
            "garden.png",
        ]
        fs, root = fsspec.url_to_fs(f"tenfold://::file://{archive}")
        assert fs.ls(root, detail=False) == ["deep.png", "garden.png", "holiday", "notes.txt"]

    def test_versions_and_sizes(self, archive: str) -> None:
        (file,) = fsspec.open_files(f"tenfold://holiday/more/grey.png::{archive}", size=20)
        with file as opened:
            assert PIL.Image.open(opened).size == (20, 12)
            assert opened.size == len(opened.fs.cat_file("holiday/more/grey.png"))
        small = ArchiveFileSystem(archive, size=(None, 6))
        beach = PIL.Image.open(small.open("holiday/beach.jpg"))
        assert (beach.size, beach.getexif()[0x0112], beach.info["icc_profile"]) == ((10, 6), 6, ICC)
        assert ArchiveFileSystem(archive, as_of="0").ls("") == []

    def test_a_cache_before_it(self, tmp_path: Path) -> None:
        archive = fill(str(tmp_path / "archive"), [coded("[1].png", file_of(picture()))])
        options = {"cache_storage": str(tmp_path / "cache"), "check_files": True}

        def held() -> bytes:
            with fsspec.open(f"filecache::tenfold://[1].png::{archive}", filecache=options) as file:
                return PIL.Image.open(file).tobytes()

        assert held() == picture().tobytes()
        fill(archive, [coded("[1].png", file_of(picture(seed=9)), source_etag="etag-2")], number=1)
        assert held() == picture().tobytes()
        ArchiveFileSystem(archive).invalidate_cache()
        assert held() == picture(seed=9).tobytes()

    def test_threads_share_what_is_large(self, archive: str) -> None:
        with ThreadPoolExecutor(1) as pool:
            elsewhere = pool.submit(ArchiveFileSystem, archive).result()
        here = ArchiveFileSystem(archive)
        assert elsewhere is not here
        assert elsewhere.files is here.files

    def test_options(self, archive: str) -> None:
        with pytest.raises(
            ConfigError,
            match=r"as_of, size, decoder and device for tenfold://, got anon\. Those of the store",
        ):
            fsspec.filesystem("tenfold", fo=archive, anon=True)
        assert fsspec.filesystem("tenfold", fo=archive, hf={"token": "of others"}).exists("garden.png")
        with pytest.raises(ConfigError, match="Expected an archive after tenfold://, got none"):
            fsspec.filesystem("tenfold")


def test_on_s3(s3: S3Server, archive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment().items():
        if name != "AWS_ENDPOINT_URL":
            monkeypatch.setenv(name, value)
    here, url = Storage(archive), f"s3://{s3.bucket()}/archive"
    there = Storage(url, StorageOptions(endpoint_url=s3.endpoint))
    for one in here.list():
        there.write(one.path, here.read(one.path))
    files = fsspec.open_files(f"tenfold://holiday/**/*.png::{url}", s3={"endpoint_url": s3.endpoint})
    assert [file.path for file in files] == ["holiday/more/[1] a::b.png", "holiday/more/grey.png"]
    with files[1] as file:
        assert PIL.Image.open(file).tobytes() == PICTURES["holiday/more/grey.png"].tobytes()


def test_others_read_it(fs: Any, tmp_path: Path) -> None:
    fs.get("holiday", str(tmp_path / "got"), recursive=True)
    assert (tmp_path / "got" / "beach.jpg").read_bytes() == fs.cat_file("holiday/beach.jpg")
    assert pickle.loads(pickle.dumps(fs)).cat_file("garden.png") == fs.cat_file("garden.png")
    assert pickle.loads(pickle.dumps(fs.open("garden.png"))).read() == fs.cat_file("garden.png")
    arrow = pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(fs))
    found = arrow.get_file_info(pyarrow.fs.FileSelector("holiday", recursive=True))
    assert {one.path: one.size for one in found if one.is_file} == fs.du("holiday", total=False)
    with arrow.open_input_file("holiday/beach.jpg") as file:
        assert file.read_at(8, 0) == b"\x89PNG\r\n\x1a\n"


class TestReading:
    @pytest.fixture
    def reads(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        found: list[str] = []
        read_range = Storage.read_range

        def counted(storage: Storage, path: str, offset: int, length: int) -> bytes:
            found.append(path)
            return read_range(storage, path, offset, length)

        monkeypatch.setattr(Storage, "read_range", counted)
        return found

    def test_many_files_are_one_request(self, fs: Any, reads: list[str]) -> None:
        keys = [*PICTURES, "notes.txt"]
        together = fs.cat(keys)
        assert len(reads) == 1
        assert list(together) == sorted(keys)
        assert set(fs.cat("holiday", recursive=True)) == {
            key for key in PICTURES if key.startswith("holiday/")
        }
        together |= {key: fs.cat_file(key) for key in keys}
        assert together == fs.cat(keys)
        del reads[:]
        first, *rest = ArchiveFileSystem(fs.files.url, device="cpu").cat_ranges(
            ["garden.png"] * 2 + ["notes.txt", "none"], [0, -4, 4, 0], [8, None, 9, 1]
        )
        assert [first, *rest[:-1]] == [b"\x89PNG\r\n\x1a\n", together["garden.png"][-4:], NOTES[4:9]]
        assert isinstance(rest[-1], FileNotFoundError)
        assert len(reads) == 1

    def test_a_file_is_made_once_and_only_for_its_pixels(self, fs: Any, reads: list[str]) -> None:
        with fs.open("garden.png") as file:
            picture = PIL.Image.open(file)
            assert picture.size == (40, 24)
            assert reads == []
            assert fs.open("garden.png").read(4) == b"\x89PNG"
            assert reads == []
            picture.load()
            assert file.seek(0) == 0
            assert file.read() == fs.open("garden.png").read()
        assert len(reads) == 1

    def test_a_damaged_one_costs_itself(self, archive: str, tmp_path: Path) -> None:
        url = fill(str(tmp_path), [coded(key, file_of(image)) for key, image in PICTURES.items()])
        row = Archive(url).row("garden.png")
        flip(tmp_path / row.shard, (row.payload_offset or 0) + 3)
        fs = ArchiveFileSystem(url)
        with pytest.raises(DamagedError, match=r"Expected CRC32C .* 'garden\.png'"):
            fs.cat(list(PICTURES))
        assert set(fs.cat(list(PICTURES), on_error="omit")) == set(PICTURES) - {"garden.png"}
        assert isinstance(fs.cat(list(PICTURES), on_error="return")["garden.png"], DamagedError)

    def test_what_was_committed_since(self, tmp_path: Path) -> None:
        url = fill(str(tmp_path), [coded("a.png", file_of(picture()))])
        fs = ArchiveFileSystem(url)
        before = fs.ukey("a.png")
        changed = coded("a.png", file_of(picture(seed=9)), source_etag="etag-2")
        fill(url, [changed, coded("b.png", file_of(picture()))], number=1)
        assert (fs.ls("", detail=False), fs.ukey("a.png")) == (["a.png"], before)
        assert [one["name"] for one in fs.ls("", refresh=True)] == ["a.png", "b.png"]
        assert fs.ukey("a.png") != before
        assert PIL.Image.open(fs.open("a.png")).tobytes() == picture(seed=9).tobytes()


@pytest.mark.parametrize("size", [None, 9])
def test_another_decoder_shows_other_pictures_of_the_size_that_was_told(
    archive: str, size: int | None
) -> None:
    faithful = ArchiveFileSystem(archive, size=size)
    other = ArchiveFileSystem(archive, size=size, decoder=NEGATIVE)
    for key in PICTURES:
        data = other.cat_file(key)
        assert len(data) == other.size(key)
        assert other.info(key)["etag"] != faithful.info(key)["etag"]
        shown, seen = (np.asarray(PIL.Image.open(io.BytesIO(one.cat_file(key)))) for one in (other, faithful))
        assert shown.shape == seen.shape
        assert not np.array_equal(shown, seen)
        assert SOURCE_TYPE.encode() in data
    assert other.cat_file("deep.png") == DEEP
    assert other.info("deep.png")["etag"] == faithful.info("deep.png")["etag"]
    with pytest.raises(CodecConfigError, match="expected a decoder, one of faithful"):
        ArchiveFileSystem(archive, decoder="crayon")
