"""Listing a bucket: wide folders side by side, every key once and in order, in few requests, in bounded memory."""

from __future__ import annotations

import itertools
import random
import threading

import pytest

from pipeline.errors import StorageError
from pipeline.store import s3_listing
from pipeline.store.backend import ObjectInfo, Page
from pipeline.store.s3_listing import listed
from pipeline.store.s3_pages import Names, names_of, take_page

_PER_ANSWER = 10


class Bucket:
    """Answers as S3 does, from a list of keys."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = sorted(keys)
        self.asked: list[tuple[str, bool]] = []
        self.meet: dict[str, threading.Barrier] = {}
        """By prefix, where its first request waits for others'."""
        self.broken = ""

    def __call__(self, prefix: str, *, level: bool = False, token: str | None = None) -> Names:
        self.asked.append((prefix, level))
        if prefix in self.meet and token is None:
            self.meet[prefix].wait(timeout=60)
        if self.broken and prefix.startswith(self.broken):
            raise StorageError("out of order")
        below = (key for key in self.keys if key.startswith(prefix))
        cut = ((key, prefix + key[len(prefix) :].partition("/")[0] + "/") for key in below)
        entries = [folder if level and key.startswith(folder) else key for key, folder in cut]
        names = [name for name in dict.fromkeys(entries) if token is None or name > token]
        answer = names[:_PER_ANSWER]
        return Names(
            page=Page.of(info(name) for name in answer if name in self.keys),
            folders=[name for name in answer if name not in self.keys],
            token=answer[-1] if len(names) > _PER_ANSWER else None,
        )

    def listed(self, prefix: str = "", skip: str = "none/") -> list[str]:
        pages = listed(self, prefix, skip=lambda folder: folder.startswith(skip))
        return [path for page in pages for path in page.paths]


def info(key: str) -> ObjectInfo:
    return ObjectInfo(path=key, size=len(key), etag=None, mtime=None)


@pytest.mark.parametrize("seed", range(12))
def test_every_key_once_in_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_listing, "_HELD", 2)  # what more there is goes through the file
    draw = random.Random(seed)
    names = ["a", "a.png", "b", "b-", "b0", "é", "z"][: draw.randint(2, 7)]
    keys = {
        "/".join(draw.choices(names, k=draw.randint(1, 3))) + f".{draw.randint(0, 99)}" for _ in range(400)
    }
    bucket = Bucket(["p/" + key for key in keys] + ["other/1", "p.png"])
    assert bucket.listed("p/") == [key for key in bucket.keys if key.startswith("p/")]
    assert len(bucket.asked) <= 4 + len(keys) // 2


def test_wide_folders_are_listed_side_by_side_for_few_more_requests() -> None:
    keys = [f"{folder:02d}/{number:03d}" for folder in range(20) for number in range(100)]
    bucket = Bucket([*keys, "00.png", "07.png", "99.png"])
    bucket.meet = dict.fromkeys(["07/", "08/", "09/"], threading.Barrier(3))
    assert bucket.listed() == bucket.keys
    assert len(bucket.asked) < 1.3 * len(keys) / _PER_ANSWER
    bucket.meet.clear()
    bucket.asked.clear()
    assert not [key for key in bucket.listed(skip="05/") if key.startswith("05/")]
    assert not [prefix for prefix, _ in bucket.asked if prefix.startswith("05/")]


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param([f"{number:03d}" for number in range(300)], id="one flat folder"),
        pytest.param([f"{number:03d}/x" for number in range(300)], id="small folders"),
        pytest.param([f"{number}" for number in range(7)], id="one answer"),
    ],
)
def test_what_dividing_would_not_help_costs_no_more(keys: list[str]) -> None:
    bucket = Bucket(keys)
    assert bucket.listed() == sorted(keys)
    assert len(bucket.asked) <= -(-len(keys) // _PER_ANSWER) + 1


def test_an_error_comes_in_its_place() -> None:
    bucket = Bucket([f"{folder}/{number:03d}" for folder in "abc" for number in range(100)])
    bucket.broken = "b/"
    pages = listed(bucket, "", skip=lambda _: False)
    paths = [path for page in itertools.islice(pages, 10) for path in page.paths]
    with pytest.raises(StorageError, match="out of order"):
        next(pages)
    assert paths == [key for key in bucket.keys if key.startswith("a/")]


def test_whoever_takes_little_does_not_list_all() -> None:
    bucket = Bucket([f"{number:05d}" for number in range(3000)])
    pages = listed(bucket, "", skip=lambda _: False)
    first = next(pages).paths
    pages.close()  # type: ignore[attr-defined]
    assert first == bucket.keys[:_PER_ANSWER]
    assert len(bucket.asked) < 300


_ENTRY = (
    "<Contents><Key>{}</Key><LastModified>2024-05-06T07:08:09.010Z</LastModified>{}<Size>12</Size>"
    "<Owner><ID>me</ID></Owner></Contents>"
)


@pytest.mark.parametrize(
    ("encoding", "key", "wanted"),
    [
        ("<EncodingType>url</EncodingType>", "a+b%20c%2Bd/%C3%BC.png", "a b c+d/ü.png"),
        ("", "a+b%20 &amp; &lt;ü&gt;.png", "a+b%20 & <ü>.png"),
    ],
)
@pytest.mark.parametrize("quote", ["&quot;", "&#34;", "&#x22;", '"', ""])
def test_answers_are_cut_into_columns(quote: str, encoding: str, key: str, wanted: str) -> None:
    entry = _ENTRY.format(key, f"<ETag>{quote}e1{quote}</ETag>")
    body = f"<R>{encoding}{entry * 2}<IsTruncated>false</IsTruncated></R>"
    answer = {"status_code": 200, "body": body.encode()}
    taken: dict[str, object] = {}
    take_page(answer, taken)
    assert answer["body"] == f"<R>{encoding}<IsTruncated>false</IsTruncated></R>".encode()
    page = names_of(taken).page
    assert (page.paths, page.sizes, page.etags) == ([wanted] * 2, [12] * 2, ["e1"] * 2)
    assert [str(one.mtime) for one in page.infos()] == ["2024-05-06 07:08:09.010000+00:00"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 200, "body": f"<R>{_ENTRY.format('a', '')}</R>".encode()},
        {"status_code": 500, "body": f"<R>{_ENTRY.format('a', '<ETag>e</ETag>')}</R>".encode()},
        {"status_code": 200, "body": b"<R></R>"},
    ],
    ids=["no etag", "an error", "nothing"],
)
def test_other_answers_are_left_to_botocore(answer: dict[str, object]) -> None:
    before, taken = dict(answer), dict[str, object]()
    take_page(answer, taken)
    assert (answer, taken) == (before, {})
