"""What is taken out of an archive is in no byte that a prune leaves, and all else is as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import comparison_path
from pipeline.archive.lease import Lease
from pipeline.archive.shards import build_shard, publish
from pipeline.errors import ArchiveError, LockedError
from pipeline.rm.run import RmRun
from pipeline.store.storage import Storage
from tests.support.prune_steps import check_sound, commit, content_of, new_archive, pruned, tree
from tests.support.shard_rows import kept_row, read_rows

SECRET = "of-somebody-who-wants-it-gone"


def mentions(storage: Storage, text: str) -> list[str]:
    """The objects that hold this."""
    return [info.path for info in storage.list() if text.encode() in storage.read(info.path)]


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    """Three nights: `b` is somebody's, in a shard with others, and later once more."""
    storage = new_archive(tmp_path / "archive")
    commit(storage, "run-1", {"a": "1", "b": SECRET, "c": "1"})
    commit(storage, "run-2", {"b": f"{SECRET} again", "d": "2"})
    commit(storage, "run-3", {"e": "3"})
    return storage


def test_a_dry_run_tells_what_apply_does_and_changes_nothing(archive: Storage) -> None:
    before = tree(archive.url)
    planned = RmRun(archive, keys=["b", "nobody"]).plan()
    assert tree(archive.url) == before
    assert (planned.images, planned.first_keys, planned.unknown) == (1, ["b"], ["nobody"])
    assert (planned.rewritten_shards, planned.moved_images, planned.applied) == (2, 3, False), (
        "and where it lay before it changed"
    )
    done = RmRun(archive, keys=["b", "nobody"]).apply()
    assert (done.images, done.moved_images, done.applied) == (planned.images, planned.moved_images, True)
    again = RmRun(archive, keys=["b"]).plan()
    assert (again.images, again.rewritten_shards) == (0, 0)


def test_what_a_run_stores_anew_meanwhile_is_not_called_gone(
    archive: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = Catalogue.remove

    def late(catalogue: Catalogue, *rows: Any, **more: Any) -> int:
        commit(archive, "run-4", {"b": f"{SECRET} once more"})
        return remove(catalogue, *rows, **more)

    monkeypatch.setattr(Catalogue, "remove", late)
    with pytest.raises(ArchiveError, match=r"stored 1 image of them anew \('b', ...\). Let it end"):
        RmRun(archive, keys=["b", "e"]).apply()
    assert content_of(archive).keys() == {"a", "b", "c", "d"}
    monkeypatch.undo()
    RmRun(archive, keys=["b", "e"]).apply()
    assert content_of(archive).keys() == {"a", "c", "d"}


def test_after_a_prune_no_byte_of_it_is_left_and_the_others_are_as_they_were(archive: Storage) -> None:
    before, held = content_of(archive), Catalogue(archive, as_of=Catalogue(archive).version())
    assert mentions(archive, SECRET)
    RmRun(archive, keys=["b"]).apply()
    assert [one.key for one in Catalogue(archive).changes_since(held)] == ["b"], "and none that moved"
    removal, move = Catalogue(archive).versions(2)
    assert (removal.removed, removal.changed, move.changed) == (1, 0, 0)
    del before["b"]
    assert content_of(archive) == before
    check_sound(archive)
    shards = {row["shard"] for row in Catalogue(archive).table(["shard"]).to_pylist()}
    assert not shards & set(mentions(archive, SECRET)), "no shard of the newest version has it"
    pruned(archive, keep=1)
    assert mentions(archive, SECRET) == []
    assert content_of(archive) == before
    check_sound(archive)


def test_images_that_shared_its_payload_keep_theirs(tmp_path: Path) -> None:
    storage = new_archive(tmp_path / "archive")
    rows = [kept_row(key, b"the same picture") for key in ("first", "second", "third")]
    shard = build_shard(rows, metadata={})
    Catalogue(storage).commit(shard.named(publish(storage, shard, "run-1", 0)), run="run-1")
    RmRun(storage, keys=["first"]).apply()
    pruned(storage, keep=1)
    (path,) = {row["shard"] for row in Catalogue(storage).table(["shard"]).to_pylist()}
    assert {row.key: row.payload for row in read_rows(storage, path)} == {
        "second": b"the same picture",
        "third": b"the same picture",
    }
    check_sound(storage)


def test_a_removal_that_was_killed_after_the_others_had_moved_is_finished_by_the_next(
    archive: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content_of(archive)

    def killed(*_: object, **__: object) -> int:
        raise KeyboardInterrupt("here")

    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "remove", killed)
        with pytest.raises(KeyboardInterrupt, match="here"):
            RmRun(archive, glob="b*").apply()
    assert content_of(archive) == before
    RmRun(archive, glob="b*").apply()
    pruned(archive, keep=1)
    assert mentions(archive, SECRET) == []
    assert content_of(archive) == {key: value for key, value in before.items() if key != "b"}


def test_what_reports_measured_goes_unless_an_image_that_stays_is_of_the_same_file(tmp_path: Path) -> None:
    storage = new_archive(tmp_path / "archive")
    rows = [
        kept_row(key, key.encode(), source_sha256=sha * 64)
        for key, sha in (("a", "1"), ("b", "1"), ("c", "2"))
    ]
    shard = build_shard(rows, metadata={})
    Catalogue(storage).commit(shard.named(publish(storage, shard, "run-1", 0)), run="run-1")
    paths = [comparison_path(sha * 64, b"{}") for sha in "12"]
    for path in paths:
        storage.write(path, b"{}")
    RmRun(storage, keys=["a", "c"]).apply()
    assert [info.path for info in storage.list("comparisons")] == paths[:1]


def test_an_archive_that_somebody_is_changing_is_left_alone(archive: Storage) -> None:
    with Lease(archive, verb="nightly"), pytest.raises(LockedError, match="nightly"):
        RmRun(archive, keys=["b"]).apply()
