"""Lists and manifests: which images they name, under which keys, and what is wrong with them."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import SourceError
from pipeline.source.parse import parse_source
from tests.support.named_files import fill, keys


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
