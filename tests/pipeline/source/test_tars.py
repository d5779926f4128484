"""Tars as sources: what lies in them is read by name, and a damaged one gives what is whole."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.source.options import SourceOptions
from pipeline.source.parse import parse_source
from pipeline.source.source import Source
from pipeline.store.member_urls import member_url, split_member_url
from pipeline.store.storage import Storage

_FILES = (
    ("./a.jpg", b"one"),
    ("b/c d.png", b"2" * 3000),
    ("b/note.txt", b"words"),
    ("x" * 200 + ".png", b""),
)


def tar_of(files: Iterable[tuple[str, bytes | tarfile.TarInfo]], how: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=how) as tar:  # type: ignore[call-overload]
        for name, data in files:
            if isinstance(data, tarfile.TarInfo):
                data.name = name
                tar.addfile(data)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def link(target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def source_of(text: str | Path, **take: Any) -> Source:
    return parse_source(str(text), take=SourceOptions(**take))


def contents(source: Source) -> dict[str, bytes]:
    """By key; read with and without being told where they lie."""
    found = {}
    for image in source.images():
        found[image.key] = source.read(image)
        assert source.read(replace(image, offset=None, length=None)) == found[image.key]
        assert image.size == len(found[image.key])
        assert image.mtime is not None
    return found


@pytest.mark.parametrize(
    ("end", "how"),
    [(".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz"), (".tar.bz2", "w:bz2"), (".tar.xz", "w:xz")],
)
def test_one_tar(tmp_path: Path, end: str, how: str) -> None:
    (tmp_path / f"p{end}").write_bytes(tar_of(_FILES, how))
    wanted = {"a.jpg": b"one", "b/c d.png": b"2" * 3000, "x" * 200 + ".png": b""}
    assert contents(source_of(tmp_path / f"p{end}")) == wanted
    assert contents(source_of(tmp_path / f"p{end}", others="keep")) == {**wanted, "b/note.txt": b"words"}
    assert contents(source_of(tmp_path / f"p{end}", include=["b/*"])) == {"b/c d.png": b"2" * 3000}


def test_zstandard(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    (tmp_path / "p.tar.zst").write_bytes(pyarrow.compress(tar_of(_FILES), codec="zstd", asbytes=True))
    assert set(contents(source_of(tmp_path / "p.tar.zst"))) == {"a.jpg", "b/c d.png", "x" * 200 + ".png"}


def test_many_tars(tmp_path: Path) -> None:
    for number in range(3):
        Storage(tmp_path).write(f"shards/{number}.tar", tar_of([("a.jpg", b"%d" % number)]))
    Storage(tmp_path).write("loose.png", b"x")
    wanted = {f"{number}.tar/a.jpg": b"%d" % number for number in range(3)}
    assert contents(source_of(f"{tmp_path}/shards/*.tar")) == wanted
    assert list(contents(source_of(tmp_path))) == ["loose.png"]
    assert [image.key for image in source_of(f"{tmp_path}/shards/*.tar", tars=False).images()] == [
        f"{number}.tar" for number in range(3)
    ]
    source = source_of(tmp_path, tars=True, exclude=["shards/1.tar"])
    assert list(contents(source)) == ["loose.png", "shards/0.tar/a.jpg", "shards/2.tar/a.jpg"]
    covers = source.coverage()
    urls = [member_url("gone.jpg", f"{tmp_path}/shards/{number}.tar") for number in (0, 1)]
    assert [covers(url) for url in urls] == [True, False]
    assert not source_of(tmp_path).coverage()(urls[0])
    assert [image.etag or image.mtime for image in source.images()][1:] == [
        Storage(tmp_path).info(f"shards/{number}.tar").mtime for number in (0, 2)
    ]


def test_a_tar_in_a_store_is_read_by_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Storage("memory://tars")
    store.write("p.tar", tar_of([(f"{number}.jpg", bytes([number]) * 3_000_000) for number in range(5)]))
    read, ranges = Storage.read_range, []

    def counted(storage: Storage, path: str, offset: int, length: int) -> bytes:
        ranges.append(length)
        return read(storage, path, offset, length)

    monkeypatch.setattr(Storage, "read_range", counted)
    monkeypatch.setattr(Storage, "read", None)
    source = source_of("memory://tars/p.tar")
    images = list(source.images())
    assert sum(ranges) < 8_000_000, "headers alone"
    ranges.clear()
    assert source.read(images[3]) == b"\3" * 3_000_000
    assert ranges == [3_000_512]
    assert images[3].url == "tar://3.jpg::memory://tars/p.tar"


def test_names_and_links(tmp_path: Path) -> None:
    (tmp_path / "p.tar").write_bytes(
        tar_of(
            [
                ("a.jpg", b"old"),
                ("100%::.jpg", b"odd"),
                ("caf\udce9.jpg", b"latin"),
                ("caf%E9.jpg", b"text"),
                ("./a.jpg", b"new"),
                ("hard.jpg", link("a.jpg", tarfile.LNKTYPE)),
                ("soft.jpg", link("a.jpg")),
                ("in/soft.jpg", link("../a.jpg")),
                ("lost.jpg", link("nowhere.jpg")),
                ("pipe.jpg", link("", tarfile.FIFOTYPE)),
            ]
        )
    )
    source = source_of(tmp_path / "p.tar")
    assert contents(source) == {
        "100%::.jpg": b"odd",
        "caf%%E9.jpg": b"latin",
        "caf%E9.jpg": b"text",
        "a.jpg": b"new",
        "hard.jpg": b"new",
    }
    notes = source.notes
    assert (notes.replaced, notes.linked, notes.dangling, notes.special) == (1, 2, ["lost.jpg"], 1)


@pytest.mark.parametrize("member", ["a", "a:", "::b", "%3A", "caf\udce9", "b/c d#?.jpg"])
def test_urls_of_members(member: str) -> None:
    url = member_url(member, "s3://bucket/p::q.tar")
    url.encode()
    assert split_member_url(url) == (member, "s3://bucket/p::q.tar")


_LONG = [(f"{number}.jpg", bytes([65 + number]) * 1500) for number in range(5)]
_END = 5 * 2048


@pytest.mark.parametrize(
    ("damage", "whole", "reason"),
    [
        (lambda tar: tar[: _END - 1000], 4, "it ends early, at byte 9,240"),
        (lambda tar: tar[:_END], 5, "there is no end mark"),
        (lambda tar: tar[:4500], 2, "ends early"),
        (lambda tar: tar[:4096] + b"?" * 512 + tar[4608:], 4, "damaged at byte 4,096"),
        (lambda tar: tar + tar_of([("more.jpg", b"z")]), 6, None),
        (lambda tar: gzip.compress(tar)[:-30], 0, "gzip data are damaged or end early"),
    ],
    ids=["last member", "no end mark", "middle", "bad header", "one after the other", "gzip"],
)
def test_damaged_tars(tmp_path: Path, damage: Any, whole: int, reason: str | None) -> None:
    data = damage(tar_of(_LONG))
    (tmp_path / ("p.tar" if reason is None or "gzip" not in reason else "p.tgz")).write_bytes(data)
    (tmp_path / "z.jpg").write_bytes(b"z")
    source = source_of(tmp_path, tars=True)
    found = contents(source)
    assert len(found) > whole
    assert found.pop("z.jpg") == b"z"
    files = {**dict(_LONG), "more.jpg": b"z"}
    assert all(data == files[key.partition("/")[2]] for key, data in found.items())
    assert [(reason or "") in place.reason for place in source.notes.unlisted] == ([True] if reason else [])
    if reason:
        tar = next(tmp_path.glob("p.*"))
        assert not source.coverage()(member_url("gone.jpg", str(tar)))
        if whole:
            alone = source_of(tar)
            assert len(contents(alone)) >= whole
            assert not alone.coverage()(member_url("gone.jpg", str(tar)))


def test_what_is_called_a_tar_and_is_none(tmp_path: Path) -> None:
    (tmp_path / "p.tar").write_bytes(b"no tar at all" * 100)
    (tmp_path / "a.jpg").write_bytes(b"a")
    source = source_of(tmp_path, tars=True, others="keep")
    assert set(contents(source)) == {"a.jpg", "p.tar"}
    assert [place.path for place in source.notes.unlisted] == ["p.tar"]


def test_a_tar_written_anew_under_the_reader(tmp_path: Path) -> None:
    (tmp_path / "p.tar").write_bytes(tar_of([("a.jpg", b"one"), ("b.jpg", b"two")]))
    source = source_of(tmp_path / "p.tar")
    first, _ = source.images()
    (tmp_path / "p.tar").write_bytes(tar_of([("b.jpg", b"two"), ("a.jpg", b"one")]))
    with pytest.raises(OSError, match=r"Expected the tar's member 'a\.jpg', got something else in its place"):
        source.read(first)
