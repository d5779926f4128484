"""Decode jobs: what is asked for comes once, however often they are killed, in files and in packs."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import jobs.decode
import pipeline.decode.planner
import pipeline.decode.resident_codecs
import pipeline.decode.worker
from pipeline.config import CompressConfig
from pipeline.decode.deliver import deliver
from pipeline.decode.options import DecodeOptions
from pipeline.decode.outlet import OutputKind
from pipeline.decode.request_queue import RequestQueue
from pipeline.decode.requests import read_requests
from pipeline.decode.run import DecodeRun
from pipeline.decode.selection import Selection
from pipeline.decode.summary import DecodeSummary
from pipeline.errors import ConfigError, RestoreError, SourceError
from pipeline.image.read import read_image
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.types import Image
from tests.support.image_archives import coded, fill, kept
from tests.support.image_files import file_of, picture
from tests.support.moments import moments_of
from tests.support.plain_codec import load_plain
from tests.support.road import tenfold

HERE = CompressConfig.model_validate({"workers": {"count": 0}})
KEYS = ("a.jpg", "b/v1.2/c.png", "d", "e.jpg", "f.tif")
KEPT = "f.tif"
FORMS: tuple[OutputKind, ...] = ("files", "tar", "parquet")


@pytest.fixture(autouse=True)
def _small_tasks_and_plain_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)
    monkeypatch.setattr(pipeline.decode.planner, "_IMAGES_PER_TASK", 2)


def original(key: str) -> bytes:
    return file_of(picture(size=(24, 16), seed=len(key)))


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    rows = [kept(key, original(key)) if key == KEPT else coded(key, original(key)) for key in KEYS]
    fill(str(tmp_path / "arc"), rows[:3])
    return Storage(fill(str(tmp_path / "arc"), rows[3:], number=1))


def run(archive: Storage, to: Path, form: OutputKind = "files", **options: Any) -> DecodeSummary:
    stop = options.pop("stop", lambda: False)
    decode_options = DecodeOptions(to=form, is_recorded=True, **options)
    return DecodeRun(archive, Storage(to), HERE, decode_options).run(stop=stop)


def written(folder: Path, form: OutputKind) -> list[tuple[str, bytes]]:
    """(name, bytes) of every image in a destination, by name."""
    found: list[tuple[str, bytes]] = []
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if name.startswith("_decode/") or not path.is_file():
            continue
        if form == "files":
            found.append((name, path.read_bytes()))
        elif form == "tar":
            with tarfile.open(path) as tar:
                members = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
            found += [(name, data) for name, data in members.items() if not name.endswith(".json")]
        else:
            rows = pq.read_table(path)["image"].to_pylist()
            found += [(row["path"], row["bytes"]) for row in rows]
    return sorted(found)


@pytest.mark.parametrize("form", FORMS)
def test_killed_at_any_moment_it_goes_on_and_each_image_is_there_once(
    form: OutputKind, archive: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    copies = moments_of(lambda: run(archive, whole, form), whole, tmp_path / "killed")
    expected = written(whole, form)
    assert len(expected) == len(KEYS)
    assert len(copies) > 10

    def otherwise(*given: Any, **options: Any) -> Any:  # as on another machine, where pixels may be one off
        delivery = deliver(*given, **options)
        object.__setattr__(delivery, "data", delivery.data + b"\0")
        return delivery

    for number, copy in enumerate(copies):
        with monkeypatch.context() as patch:
            if number % 2:
                patch.setattr(pipeline.decode.worker, "deliver", otherwise)
            summary = run(archive, copy, form)
        assert (summary.written, summary.left, summary.failed) == (len(KEYS), 0, 0)
        there = written(copy, form)
        assert [name for name, _ in there] == [name for name, _ in expected]
        assert number % 2 or there == expected
        assert run(archive, copy, form).written == len(KEYS)
        assert written(copy, form) == there


def test_a_second_driver_is_harmless_and_time_ends_a_job_cleanly(archive: Storage, tmp_path: Path) -> None:
    asked = iter([False, True])
    first = run(archive, tmp_path / "out", "tar", stop=lambda: next(asked))
    assert (first.written, first.left) == (2, 3)
    others: list[DecodeSummary] = []

    def meanwhile() -> bool:
        if not others:
            others.append(run(archive, tmp_path / "out", "tar"))
        return False

    assert run(archive, tmp_path / "out", "tar", stop=meanwhile).written == len(KEYS)
    assert others[0].left == 0
    assert len(written(tmp_path / "out", "tar")) == len(KEYS)


def test_a_job_that_was_begun_goes_on_although_the_archive_grew(archive: Storage, tmp_path: Path) -> None:
    asked = iter([False, True])
    run(archive, tmp_path / "out", "tar", stop=lambda: next(asked))
    fill(archive.url, [kept("new.png", original("new"))], number=2)
    assert run(archive, tmp_path / "out", "tar").images == len(KEYS)
    with pytest.raises(RestoreError, match="of another job"):
        run(archive, tmp_path / "out", "tar")
    assert len(written(tmp_path / "out", "tar")) == len(KEYS)


def test_a_job_of_one_copy_is_none_of_another(archive: Storage, tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "arc", tmp_path / "copy")
    for copy, key in (("arc", "mine"), ("copy", "theirs")):
        fill(str(tmp_path / copy), [coded(key, original(key))], number=2)
    assert run(archive, tmp_path / "out").images == 6
    assert run(Storage(str(tmp_path / "copy")), tmp_path / "out", existing="replace").images == 6
    assert (tmp_path / "out" / "theirs.png").exists()


def test_packs_are_read_by_those_they_are_for(archive: Storage, tmp_path: Path) -> None:
    from webdataset.tariterators import group_by_keys, tar_file_iterator

    fill(archive.url, [coded("__x__/y.png", original("y"))], number=2)  # a folder that WebDataset passes over
    run(archive, tmp_path / "tars", "tar")
    samples = []
    for path in sorted((tmp_path / "tars").glob("*.tar")):
        with path.open("rb") as file:
            members = ({**member, "__url__": path.name} for member in tar_file_iterator(file))
            samples += list(group_by_keys(members))
    facts = {one["__key__"]: json.loads(one["json"]) for one in samples}
    assert {one["key"] for one in facts.values()} == {*KEYS, "__x__/y.png"}
    assert facts.keys() >= {"a%2Ejpg", "b/v1.2/c%2Epng", "d", "%5F_x__/y%2Epng"}
    for one in samples:
        image = read_image(one.get("png") or one["tif"])
        assert isinstance(image, Image)
        assert (image.width, image.height) == (24, 16)
    run(archive, tmp_path / "rows", "parquet", size=8)
    (first, *_) = (tmp_path / "rows").glob("*.parquet")
    table = pq.read_table(first)
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features.keys() == set(table.column_names)
    for row in table.to_pylist():
        image = read_image(row["image"]["bytes"])
        assert isinstance(image, Image)
        assert (image.width, image.height) == (row["width"], row["height"]) == (8, 5)


LISTS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], bytes]] = {
    "jsonl": lambda lines: "\n".join(map(json.dumps, lines)).encode(),
    "csv": lambda lines: "\n".join(
        ["key,name,size,region,format,priority,deadline"]
        + [
            ",".join(
                f'"{line.get(name, "")}"'
                for name in ("key", "name", "size", "region", "format", "priority", "deadline")
            )
            for line in lines
        ]
    ).encode(),
}


@pytest.mark.parametrize("kind", LISTS)
def test_requests_come_as_they_are_asked_for_and_what_failed_is_a_list_again(
    kind: str, archive: Storage, tmp_path: Path
) -> None:
    lines: list[dict[str, Any]] = [
        {"key": "a.jpg", "name": "small/a.webp", "size": 8},
        {"key": "a.jpg", "region": "2,4,10,6", "priority": 7},
        {"key": "e.jpg", "deadline": "2026-01-01"},
        {"key": "not there", "size": 4, "priority": -1},
        {"key": KEPT, "name": "f", "region": "0,0,99,99"},
    ]
    (tmp_path / f"list.{kind}").write_bytes(LISTS[kind](lines))
    asked = Selection(requests=read_requests(str(tmp_path / f"list.{kind}"), StorageOptions()))
    summary = run(archive, tmp_path / "out", selection=asked)
    assert (summary.images, summary.written, summary.failed, summary.late) == (5, 3, 2, 1)
    assert {one["key"] for one in summary.failures} == {"not there", KEPT}
    found = dict(written(tmp_path / "out", "files"))
    assert found.keys() == {"small/a.webp", "a.jpg.png", "e.jpg.png"}
    sizes = {}
    for name, data in found.items():
        image = read_image(data)
        assert isinstance(image, Image)
        sizes[name] = (image.source_format, image.width, image.height)
    assert sizes == {
        "small/a.webp": ("WEBP", 8, 5),
        "a.jpg.png": ("PNG", 10, 6),
        "e.jpg.png": ("PNG", 24, 16),
    }
    results = sorted(Path(summary.record or "").glob("results/*.json"))
    assert json.loads(results[0].read_text())["delivered"][0][1] == "a.jpg.png"  # what is wanted first
    again = read_requests(f"{summary.record}/failed.parquet", StorageOptions())
    assert {(one["key"], one["size"]) for one in again.table.to_pylist()} == {("not there", 4), (KEPT, None)}


def test_a_list_that_cannot_be_done_is_refused_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(
        '{"key": "a"}\n{"size": 3}\n\nnonsense\n{"key": "b", "size": 0}\n{"key": "c", "format": "bmp"}\n'
        '{"key": "d", "decoder": "no such"}\n'
    )
    with pytest.raises(
        SourceError, match=r"5 that are none: line 2: Expected a key.* line 4: .* line 5: .* size"
    ):
        read_requests(str(path), StorageOptions())
    path.write_text('{"key": "a", "size": 3}\n{"key": "a", "size": 3}\n{"key": "a", "size": 4}\n')
    with pytest.raises(SourceError, match=r"another `name` .* 'a' for two"):
        read_requests(str(path), StorageOptions())
    with pytest.raises(ConfigError, match="leave one of"):
        Selection(keys=["a"], where="true")


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"key": "half of a character: \\ud83d"}',
        '{"key": "a", "deadline": "0001-01-01T00:00+23:59"}',
    ],
    ids=["deep", "half", "before time"],
)
def test_a_list_may_hold_anything_and_no_watcher_ends_by_it(line: str, tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text(line)
    with pytest.raises(SourceError, match="1 that are none: line 1: "):
        read_requests(str(tmp_path / "list.jsonl"), StorageOptions())


def test_a_list_whose_times_python_cannot_tell_is_refused(tmp_path: Path) -> None:
    late = pa.array([2**62], pa.timestamp("us"))
    pq.write_table(pa.table({"key": ["a"], "deadline": late}), tmp_path / "list.parquet")
    with pytest.raises(SourceError, match=r"as parquet at .*: date value out of range"):
        read_requests(str(tmp_path / "list.parquet"), StorageOptions())


def test_where_selects_and_a_wrong_column_is_named(archive: Storage, tmp_path: Path) -> None:
    def decode(*words: str) -> Any:
        return tenfold("decode", archive.url, tmp_path / "out", "--workers", "0", "--json", *words)

    ran = decode("--where", f"key > 'b' AND key <> '{KEPT}'", "--glob", "*e*")
    assert (ran.code, ran.json()["written"], ran.json()["record"]) == (0, 1, None)
    assert written(tmp_path / "out", "files")[0][0] == "e.jpg.png"
    assert len(written(tmp_path / "out", "files")) == 1
    ran = decode("--where", "psnr < 30")
    assert (ran.code, "psnr_db" in ran.err) == (1, True)
    ran = tenfold("decode", archive.url, tmp_path / "later", "--workers", "0", "--max-seconds", "0")
    assert (ran.code, "5 images left" in ran.err) == (13, True)
    assert tenfold("decode", archive.url, tmp_path / "later", "--workers", "0", "--record").code == 0


def test_the_outcome_is_posted_and_lists_are_answered_by_the_verb(
    archive: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted: list[dict[str, Any]] = []
    monkeypatch.setattr(
        jobs.decode, "tell_webhook", lambda url, **facts: posted.append({"url": url, **facts})
    )
    where = ["--workers", "0", "--webhook", "https://hook.example/x"]
    assert tenfold("decode", archive.url, tmp_path / "out", *where).code == 0
    assert tenfold("decode", archive.url, tmp_path / "out", *where).code == 1
    assert [(one["code"], one["summary"] is None) for one in posted] == [(0, False), (1, True)]
    assert "5 of 5 images written" in posted[0]["text"]
    lists = Storage(tmp_path / "lists")
    lists.write("night/one.csv", b"key\nd\n")
    watch = ["--watch", lists.url, "--workers", "0", "--max-seconds", "3"]
    assert tenfold("decode", archive.url, tmp_path / "asked", *watch).code == 0
    assert json.loads(lists.read("night/one.csv.answer.json"))["written"] == 1
    assert (tmp_path / "asked" / "night" / "one" / "d.png").exists()
    assert tenfold("decode", archive.url, tmp_path / "asked", *watch, "--where", "true").code == 2
    assert tenfold("decode", archive.url, tmp_path / "out", "--to", "tar", "--overwrite").code == 2
    submitted = tenfold("submit", "decode", "/arc", "/out", "--requests", "here.csv")
    assert (submitted.code, "for FILE" in submitted.err) == (2, True)


def test_lists_in_a_folder_are_answered_once_whoever_dies(archive: Storage, tmp_path: Path) -> None:
    lists = Storage(tmp_path / "lists")
    lists.write("one.jsonl", b'{"key": "a.jpg"}\n{"key": "none"}\n')
    lists.write("deep/two.csv", b"key,size\nd,8\n")
    lists.write("bad.jsonl", b"{}\n")
    lists.write("notes.txt", b"no list")
    answers: dict[str, Any] = {}

    def work(name: str) -> DecodeSummary:
        asked = read_requests(f"{lists.url}/{name}", StorageOptions())
        return run(archive, tmp_path / "out" / name, selection=Selection(requests=asked))

    def dying(name: str) -> DecodeSummary:
        work(name)
        raise KeyboardInterrupt("killed")

    with pytest.raises(KeyboardInterrupt, match="killed"):
        RequestQueue(lists, dying).run(lambda: False)
    assert not any("answer" in info.path for info in lists.list())
    queue = RequestQueue(lists, work, tell=answers.__setitem__)
    assert queue.run(lambda: len(answers) == 3) == 0
    assert answers["one.jsonl"]["ok"] is False
    assert (answers["one.jsonl"]["written"], answers["one.jsonl"]["failed"]) == (1, 1)
    assert answers["deep/two.csv"]["ok"] is True
    assert "Expected a key" in answers["bad.jsonl"]["error"]
    assert json.loads(lists.read("deep/two.csv.answer.json")) == answers["deep/two.csv"]
    assert lists.read("notes.txt") == b"no list"
