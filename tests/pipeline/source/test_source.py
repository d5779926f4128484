"""Sources: what SRC means, which images it gives, in which order, under which keys."""

from __future__ import annotations

import os
import pickle
import threading
import tracemalloc
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError, StorageError
from pipeline.source.parse import parse_source
from pipeline.source.source import Source, SourceConfig
from pipeline.store.storage import Storage
from tests.support.seaweed import S3Server


def fill(root: str | os.PathLike[str], *names: str) -> None:
    storage = Storage(root)
    for name in names:
        storage.write(name, name.encode("utf-8", "surrogateescape"))


def keys(text: str | os.PathLike[str], **how: Any) -> list[str]:
    return [image.key for image in parse_source(os.fspath(text), **how).images()]


def assert_readable(source: Source) -> None:
    for image in source.images():
        assert source.read(image).decode("utf-8", "surrogateescape").endswith(image.key.split("/")[-1])


class TestFolder:
    def test_images_in_key_order_with_their_facts(self, tmp_path: Path) -> None:
        fill(tmp_path, "b.PNG", "a/2.jpg", "a/1.jpeg", "a.webp", "ü ber.tif", "#1.gif")
        source = parse_source(f"{tmp_path}/")
        images = list(source.images())
        assert [image.key for image in images] == [
            "#1.gif",
            "a.webp",
            "a/1.jpeg",
            "a/2.jpg",
            "b.PNG",
            "ü ber.tif",
        ]
        assert images[2].url == str(tmp_path / "a/1.jpeg")
        assert images[2].size == len("a/1.jpeg")
        assert images[2].etag is None
        assert images[2].mtime is not None
        assert images[2].mtime.tzinfo is UTC
        assert_readable(source)

    def test_other_files_are_counted(self, tmp_path: Path) -> None:
        fill(tmp_path, "a.jpg", "b.txt", "c", "d.jpg.bak", "Thumbs.db", "._a.jpg", ".jpg", "x.png/y")
        source = parse_source(str(tmp_path))
        assert [image.key for image in source.images()] == ["a.jpg"]
        assert source.notes.skipped == 7
        list(source.images())
        assert source.notes.skipped == 7

    def test_formats_that_cannot_be_read_yet_are_not_lost_in_silence(self, tmp_path: Path) -> None:
        fill(tmp_path, "a.svg", "b.HEIC", "c.cr2", "d.dng", "e.jxl")
        assert keys(tmp_path) == ["a.svg", "b.HEIC", "c.cr2", "d.dng", "e.jxl"]

    def test_an_archive_inside_is_left_out(self, tmp_path: Path) -> None:
        fill(tmp_path, "a.jpg", "archive/runs/thumb.png", "archive2/b.jpg")
        assert keys(tmp_path, exclude=str(tmp_path / "archive/")) == ["a.jpg", "archive2/b.jpg"]
        assert keys(tmp_path / "archive", exclude=str(tmp_path)) == ["runs/thumb.png"]

    @pytest.mark.parametrize("source", ["photos", "photos/", "photos/**", "link"])
    def test_an_archive_that_is_the_source_is_refused(self, source: str, tmp_path: Path) -> None:
        fill(tmp_path, "photos/a.jpg")
        (tmp_path / "link").symlink_to("photos")
        with pytest.raises(SourceError, match="an archive in a folder of its own"):
            parse_source(str(tmp_path / source), exclude=str(tmp_path / "photos"))

    def test_a_bucket_that_is_both_is_refused(self) -> None:
        with pytest.raises(SourceError, match="an archive in a folder of its own"):
            parse_source("s3://bucket/photos/", exclude="s3://bucket/photos")

    def test_a_relative_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fill(tmp_path, "photos/a.jpg")
        monkeypatch.chdir(tmp_path)
        for text in ("photos", "photos/", "./photos", "."):
            assert Path(next(parse_source(text).images()).url) == tmp_path / "photos/a.jpg"

    def test_a_name_that_is_no_text(self, tmp_path: Path) -> None:
        fill(tmp_path, os.fsdecode(b"caf\xe9.png"), "z.png")
        source = parse_source(str(tmp_path))
        first, last = source.images()
        assert (first.key, last.key) == ("caf%E9.png", "z.png")
        assert first.url == f"file://{tmp_path}/caf%E9.png"
        assert source.read(first) == b"caf\xe9.png"

    def test_names_that_become_equal_as_text(self, tmp_path: Path) -> None:
        fill(tmp_path, os.fsdecode(b"caf\xe9.png"), "caf%E9.png", "caf%%E9.png")
        source = parse_source(str(tmp_path))
        assert {image.key: source.read(image) for image in source.images()} == {
            "caf%%%E9.png": b"caf\xe9.png",
            "caf%%E9.png": b"caf%%E9.png",
            "caf%E9.png": b"caf%E9.png",
        }

    def test_a_listing_does_not_grow_with_the_number_of_images(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pipeline.store.local_walk._PAGE", 64)
        for folder in range(30):
            (tmp_path / f"{folder}").mkdir()
            for number in range(100):
                (tmp_path / f"{folder}" / f"{number}.jpg").touch()
        source = parse_source(str(tmp_path))
        images = source.images()
        next(images)
        tracemalloc.start()
        try:
            assert sum(1 for _ in images) == 2999
            assert tracemalloc.get_traced_memory()[1] < 200_000
        finally:
            tracemalloc.stop()


class TestOneImage:
    @pytest.mark.parametrize("name", ["a b.jpg", "no extension", "odd[1]*.png"])
    def test_a_file(self, tmp_path: Path, name: str) -> None:
        fill(tmp_path, name, "other.jpg", "odd1x.png")
        source = parse_source(str(tmp_path / name))
        (image,) = source.images()
        assert (image.key, image.url, image.size) == (name, str(tmp_path / name), len(name))
        assert_readable(source)


class TestGlob:
    FILES = ("2023/a.jpg", "2024/b.jpg", "2024/c.dat", "2024/deep/d.jpg", "2024/e.txt", "f.jpg")

    @pytest.mark.parametrize(
        ("glob", "wanted", "skipped"),
        [
            ("**/*.jpg", ["2023/a.jpg", "2024/b.jpg", "2024/deep/d.jpg", "f.jpg"], 0),
            ("*.jpg", ["f.jpg"], 0),
            ("2024/*.jpg", ["b.jpg"], 0),
            ("20*/*", ["2023/a.jpg", "2024/b.jpg"], 2),
            ("2024/**", ["b.jpg", "deep/d.jpg"], 2),
            ("2024/*.d?t", ["c.dat"], 0),
            ("2024/*.dat", ["c.dat"], 0),
        ],
    )
    def test_patterns(self, tmp_path: Path, glob: str, wanted: list[str], skipped: int) -> None:
        fill(tmp_path, *self.FILES)
        source = parse_source(f"{tmp_path}/{glob}")
        if glob == "2024/*.d?t":  # an extension with a wildcard says nothing about what is an image
            with pytest.raises(SourceError, match=r"none of them named like an image: \.dat"):
                list(source.images())
            return
        assert [image.key for image in source.images()] == wanted
        assert source.notes.skipped == skipped
        assert_readable(source)

    def test_only_the_folder_of_the_glob_is_listed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(tmp_path, *self.FILES)
        monkeypatch.chdir(tmp_path)
        scandir, visited = os.scandir, []

        def watched(path: str) -> Any:
            visited.append(path)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", watched)
        assert keys("2024/*.jpg") == ["b.jpg"]
        assert set(visited) == {str(tmp_path / "2024")}

    def test_a_bad_glob(self) -> None:
        with pytest.raises(SourceError, match=r"Expected a glob as SRC, got 'a/\[z-a\]\*'"):
            parse_source("a/[z-a]*")


class TestListFile:
    def test_lines_are_names(self, tmp_path: Path) -> None:
        fill(
            tmp_path, "in/a b.jpg", "in/ü.png", "up.jpg", "abs.gif", "in/#x.jpg", "in/ lead.png", "uri x.png"
        )
        lines = [
            "# a comment",
            "a b.jpg",
            "",
            "  ",
            "ü.png",
            "../up.jpg",
            f"{tmp_path}/abs.gif",
            "  # another",
            "./#x.jpg",
            " lead.png",
            f"file://{tmp_path}/uri%20x.png",
            "not there.jpg",
        ]
        (tmp_path / "in/list.txt").write_bytes("\r\n".join(["\ufeff" + lines[0], *lines[1:]]).encode())
        source = parse_source(f"{tmp_path}/in/list.txt")
        images = list(source.images())
        assert [image.key for image in images] == [
            "a b.jpg",
            "ü.png",
            "../up.jpg",
            f"{tmp_path}/abs.gif",
            "./#x.jpg",
            " lead.png",
            f"{tmp_path}/uri x.png",
            "not there.jpg",
        ]
        assert images[2].url == f"{tmp_path}/up.jpg"
        assert images[0].size == len("in/a b.jpg")
        assert images[0].mtime is not None
        for image in images[:-1]:
            assert source.read(image).decode().endswith(image.key.split("/")[-1])
        assert images[-1].size is None
        with pytest.raises(FileNotFoundError, match=r"not there\.jpg"):
            source.read(images[-1])

    @pytest.mark.parametrize("text", ["{}/x.lst", "@{}/x", "@{}/x.lst"])
    def test_how_a_list_is_named(self, tmp_path: Path, text: str) -> None:
        fill(tmp_path, "a.jpg")
        for name in ("x", "x.lst"):
            (tmp_path / name).write_text("a.jpg\n")
        assert keys(text.format(tmp_path)) == ["a.jpg"]

    def test_a_folder_named_like_a_list(self, tmp_path: Path) -> None:
        fill(tmp_path, "old.txt/a.jpg", "old.parquet/b.jpg")
        assert keys(tmp_path / "old.txt") == ["a.jpg"]
        assert keys(tmp_path / "old.parquet") == ["b.jpg"]

    def test_a_repeated_line_is_one_image(self, tmp_path: Path) -> None:
        fill(tmp_path, "a.jpg", "b.jpg")
        (tmp_path / "x.txt").write_text("a.jpg\nb.jpg\na.jpg\n")
        assert keys(tmp_path / "x.txt") == ["a.jpg", "b.jpg"]

    def test_one_key_for_two_images_is_refused_before_work_starts(self, tmp_path: Path) -> None:
        (tmp_path / "x.txt").write_text("z.jpg\ns3://bucket/a.jpg\ngs://bucket/a.jpg\n")
        images = parse_source(f"{tmp_path}/x.txt").images()
        message = r"got s3://bucket/a\.jpg and gs://bucket/a\.jpg for key 'bucket/a\.jpg' in .*x\.txt"
        with pytest.raises(SourceError, match=message):
            next(images)

    def test_lines_that_are_no_text(self, tmp_path: Path) -> None:
        fill(tmp_path, os.fsdecode(b"caf\xe9.png"))
        (tmp_path / "x.txt").write_bytes(b"caf\xe9.png\n")
        source = parse_source(f"{tmp_path}/x.txt")
        (image,) = source.images()
        assert image.key == "caf%E9.png"
        assert source.read(image) == b"caf\xe9.png"
        (tmp_path / "x.txt").write_bytes(b"s3://bucket/caf\xe9.png\n")
        with pytest.raises(SourceError, match=r"Expected UTF-8 text, got .* in line 1 of .*x\.txt"):
            keys(tmp_path / "x.txt")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", r"Expected at least one image in .*x\.txt, got none"),
            ("# nothing\n\n", "Expected at least one image"),
            ("Dear Sir,\nhow are you?\n", r"got 'Dear Sir,' and 1 more lines, none of which is a file below"),
            (
                "a.jpg\ns3://bucket\n",
                r"the URL of an image, got 's3://bucket', which names no object in line 2",
            ),
            ("https://h/a.png?X-Amz-Signature=hunter2", r"In line 1 of .*without credentials"),
            ("s3://me:hunter2@bucket/a.png", r"In line 1 of .*without credentials"),
        ],
        ids=["empty", "only comments", "a letter", "bucket only", "signed", "password"],
    )
    def test_wrong_lists(self, tmp_path: Path, content: str, message: str) -> None:
        (tmp_path / "x.txt").write_text(content)
        with pytest.raises(SourceError, match=message) as caught:
            keys(tmp_path / "x.txt")
        assert "hunter2" not in str(caught.value)

    @pytest.mark.parametrize("text", ["none.txt", "@none", "none.parquet"])
    def test_a_list_that_is_not_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SourceError, match=r"Expected a list of images, got no file at .*/none.*; check"):
            keys(text)

    def test_images_by_http(self, tmp_path: Path) -> None:
        fill(tmp_path / "www", "a b.png")
        handler = partial(QuietHandler, directory=str(tmp_path / "www"))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            host = f"127.0.0.1:{server.server_address[1]}"
            (tmp_path / "x.txt").write_text(f"http://{host}/a%20b.png\nhttp://{host}/none.png\n")
            source = parse_source(f"{tmp_path}/x.txt")
            there, gone = source.images()
            assert there.key == f"{host}/a%20b.png"
            assert source.read(there) == b"a b.png"
            with pytest.raises(FileNotFoundError, match="Expected an object"):
                source.read(gone)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class TestManifest:
    def test_columns(self, tmp_path: Path) -> None:
        import pandas as pd  # a second

        fill(tmp_path, "a.jpg", "b.jpg", "c.jpg")
        moment = pd.Timestamp("2024-05-06 07:08:09.123456789", tz="Europe/Paris")
        pd.DataFrame(
            {
                "url": ["a.jpg", f"{tmp_path}/b.jpg", "c.jpg"],
                "key": ["first", None, "x/../c"],
                "size": [5, None, 7],
                "etag": [None, "tag", None],
                "mtime": [moment, pd.NaT, pd.NaT],
                "label": [1, 2, 3],
            }
        ).to_parquet(tmp_path / "m.parquet")
        source = parse_source(f"{tmp_path}/m.parquet")
        a, b, c = source.images()
        assert (a.key, b.key, c.key) == ("first", f"{tmp_path}/b.jpg", "x/../c")
        assert (a.size, b.size, c.size) == (5, 5, 7)
        assert b.etag == "tag"
        assert a.mtime == datetime(2024, 5, 6, 5, 8, 9, 123456, tzinfo=UTC)
        assert source.read(c) == b"c.jpg"

    def test_facts_that_cannot_be(self, tmp_path: Path) -> None:
        stamps = pa.array([2**62, -(2**62), 0], pa.int64()).cast(pa.timestamp("us", tz="UTC"))
        table = pa.table({"url": ["a", "b", "c"], "mtime": stamps, "size": [-1, 2**62, None]})
        pq.write_table(table, tmp_path / "m.parquet")
        images = list(parse_source(f"{tmp_path}/m.parquet").images())
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        assert [(image.size, image.mtime) for image in images] == [(None, None), (2**62, None), (None, epoch)]

    def test_only_urls(self, tmp_path: Path) -> None:
        table = pa.table({"url": [f"s3://bucket/{n}.jpg" for n in range(10_000)]})
        pq.write_table(table, tmp_path / "m.parquet")
        images = list(parse_source(f"{tmp_path}/m.parquet").images())
        assert len(images) == 10_000
        assert images[9_999].key == "bucket/9999.jpg"
        assert images[0].mtime is None

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ({"path": ["a"]}, r"Expected a column `url` in .*m\.parquet, got path; a manifest has"),
            ({"url": [1, 2]}, ""),
            ({"url": ["a", None]}, "Expected a URL or path, got none in row 2"),
            ({"url": ["a"], "key": [""]}, "Expected a key or null, got an empty one in row 1"),
            ({"url": ["a"], "mtime": [1700000000]}, r"Expected column `mtime` .* as timestamp.*, got int64"),
            ({"url": ["a"], "size": ["big"]}, r"Expected column `size` .* as int64, got .*string"),
            ({"url": ["a", "b"], "key": ["k", "k"]}, r"got .*/a and .*/b for key 'k'"),
            ({"url": []}, "Expected at least one image"),
        ],
        ids=["no url", "numbers", "null url", "empty key", "mtime", "size", "duplicate", "empty"],
    )
    def test_wrong_manifests(self, tmp_path: Path, table: dict[str, list[Any]], message: str) -> None:
        pq.write_table(pa.table(table), tmp_path / "m.parquet")
        if not message:  # numbers are names as good as any
            assert keys(tmp_path / "m.parquet") == ["1", "2"]
            return
        with pytest.raises(SourceError, match=message):
            keys(tmp_path / "m.parquet")

    def test_a_file_that_is_no_parquet(self, tmp_path: Path) -> None:
        (tmp_path / "m.parquet").write_bytes(b"url\na.jpg\n")
        with pytest.raises(SourceError, match=r"Expected a Parquet file at .*m\.parquet, got"):
            keys(tmp_path / "m.parquet")


class TestWrongUsage:
    @pytest.mark.parametrize("text", ["", "  ", "@"])
    def test_nothing_given(self, text: str) -> None:
        with pytest.raises(SourceError, match="Expected a folder, URL, glob, list or manifest as SRC"):
            parse_source(text)

    @pytest.mark.parametrize("text", ["none", "none/*.jpg", "none.jpg"])
    def test_a_missing_source(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(StorageError, match=r"Expected a folder, got nothing there at .*none"):
            keys(tmp_path / text)

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match=r"Expected images, got no object at all at .*; check the path"):
            keys(tmp_path)

    def test_a_folder_without_images(self, tmp_path: Path) -> None:
        fill(tmp_path, "a.txt", "b.txt", "c.json", "README")
        message = (
            r"got 4 objects, none of them named like an image: \.txt \(2\), \(none\) \(1\), \.json \(1\)"
        )
        with pytest.raises(SourceError, match=message):
            keys(tmp_path)

    def test_a_glob_without_matches(self, tmp_path: Path) -> None:
        fill(tmp_path, "x/a.jpg")
        with pytest.raises(
            SourceError, match=r"got no match among 1 objects at .*/\*/\*\.png; check the pattern"
        ):
            keys(f"{tmp_path}/*/*.png")

    def test_a_config_of_two_kinds(self) -> None:
        with pytest.raises(ValueError, match="one of glob, list_file, manifest, archived at most"):
            SourceConfig(url="/x", glob="*", list_file="/y")


def test_a_pickled_source_reads(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    source = parse_source(str(tmp_path))
    image = next(source.images())
    copy: Source = pickle.loads(pickle.dumps(source))
    assert copy.config == source.config
    assert copy.read(image) == b"a.jpg"
    assert Source(SourceConfig.model_validate_json(source.config.model_dump_json())).read(image) == b"a.jpg"


@pytest.fixture(scope="module")
def bucket(s3: S3Server) -> str:
    name = s3.bucket()
    client = s3.client()
    for key in ["p/a b.jpg", "p/ü/c.PNG", "p/note.txt", "p/ar/x.png", "px/z.jpg", "p.jpg", "p/odd#?.png"]:
        client.put_object(Bucket=name, Key=key, Body=key.encode())
    client.put_object(
        Bucket=name, Key="p/list.txt", Body=f"a b.jpg\n../px/z.jpg\ns3://{name}/p.jpg\n".encode()
    )
    return name


class TestS3:
    @pytest.fixture(autouse=True)
    def _on_s3(self, s3_env: S3Server) -> None:
        pass

    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            ("p", ["a b.jpg", "ar/x.png", "odd#?.png", "ü/c.PNG"]),
            ("p/", ["a b.jpg", "ar/x.png", "odd#?.png", "ü/c.PNG"]),
            ("p/*.jpg", ["a b.jpg"]),
            ("p*/*.jpg", ["p/a b.jpg", "px/z.jpg"]),
            ("p.jpg", ["p.jpg"]),
        ],
    )
    def test_what_src_means(self, bucket: str, text: str, wanted: list[str]) -> None:
        source = parse_source(f"s3://{bucket}/{text}")
        images = list(source.images())
        assert [image.key for image in images] == wanted
        for image in images:
            assert source.read(image).decode() == image.url.removeprefix(f"s3://{bucket}/")
            assert image.etag is not None
            assert image.size == len(source.read(image))

    def test_a_whole_bucket(self, bucket: str) -> None:
        source = parse_source(f"s3://{bucket}", exclude=f"s3://{bucket}/p/ar")
        assert sorted(image.key for image in source.images()) == sorted(
            ["p.jpg", "p/a b.jpg", "p/odd#?.png", "p/ü/c.PNG", "px/z.jpg"]
        )
        assert source.notes.skipped == 2

    def test_a_list_in_the_bucket(self, bucket: str) -> None:
        source = parse_source(f"s3://{bucket}/p/list.txt")
        images = list(source.images())
        assert [image.key for image in images] == ["a b.jpg", "../px/z.jpg", f"{bucket}/p.jpg"]
        assert [source.read(image) for image in images] == [b"p/a b.jpg", b"px/z.jpg", b"p.jpg"]

    def test_a_list_that_leaves_the_bucket(self, s3: S3Server, bucket: str) -> None:
        s3.client().put_object(Bucket=bucket, Key="bad.txt", Body=b"../x.jpg\n")
        with pytest.raises(
            SourceError, match=rf"Expected a path inside s3://{bucket}, got '\.\./x\.jpg' in line 1"
        ):
            keys(f"s3://{bucket}/bad.txt")

    def test_nothing_there(self, bucket: str) -> None:
        with pytest.raises(SourceError, match=rf"got no object at all at s3://{bucket}/none; check the path"):
            keys(f"s3://{bucket}/none")
        with pytest.raises(SourceError, match="got no object at all"):
            keys(f"s3://{bucket}/none.jpg")
        with pytest.raises(StorageError, match="Expected a bucket"):
            keys("s3://no-such-bucket/p")
