"""Sources: what SRC means, which images it gives, in which order, under which keys."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SourceError, StorageError
from pipeline.source.parse import parse_source
from pipeline.source.source import Source, SourceConfig
from tests.support.named_files import assert_readable, fill, keys
from tests.support.seaweed import S3Server


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
            SourceError, match=r"got no match among 1 object at .*/\*/\*\.png; check the pattern"
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
