"""Folders out of keys: against a plain model, and no more keys read than are told of."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.files.tree import FileRun, FolderEntry, Tree


class Keys:
    """What a tree asks of `SortedRows`, of keys alone."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = sorted(keys)
        self.read_keys = 0

    def position(self, key: str) -> int:
        return sum(other < key for other in self.keys)

    def with_prefix(self, prefix: str) -> range:
        first = self.position(prefix)
        return range(first, first + sum(key.startswith(prefix) for key in self.keys))

    def read(self, positions: range, columns: Sequence[str]) -> pa.RecordBatch:
        assert columns == ["key"]
        self.read_keys += len(positions)
        return pa.record_batch({"key": pa.array(self.keys[positions.start : positions.stop], pa.string())})


def _names(keys: Keys, found: Sequence[FileRun | FolderEntry]) -> list[str]:
    return [
        name
        for one in found
        for name in (
            [f"{one.path}/"] if isinstance(one, FolderEntry) else [keys.keys[at] for at in one.positions]
        )
    ]


_PARTS = st.lists(st.sampled_from(["a", "b", "a.b", "a-", "é", "0", " "]), min_size=1, max_size=4)


@settings(max_examples=30)
@given(st.sets(_PARTS.map("/".join), max_size=40))
def test_folders_are_those_of_a_disk(names: set[str]) -> None:
    keys = Keys(sorted(names))
    tree = Tree(keys)  # type: ignore[arg-type]
    folders = {"/".join(name.split("/")[:n]) for name in names for n in range(1, name.count("/") + 1)}
    for folder in ["", *folders]:
        prefix = f"{folder}/" if folder else ""
        rests = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
        children = {prefix + (rest if "/" not in rest else f"{rest.split('/')[0]}/") for rest in rests}
        found = _names(keys, list(tree.content(folder)))
        assert len(found) == len(children)
        assert set(found) == children
    everything = _names(keys, list(tree.below("")))
    assert sorted(everything) == sorted([*names, *(f"{folder}/" for folder in folders)])
    assert list(tree.content("nowhere")) == []


def test_names_that_are_empty() -> None:
    keys = Keys(["/abs.png", "a//b.jpg", "a//c/d.jpg", "a/e.jpg", "a/", "x//"])
    tree = Tree(keys)  # type: ignore[arg-type]
    assert _names(keys, list(tree.content(""))) == ["/abs.png", "a/", "x/"]
    assert _names(keys, list(tree.content("a"))) == ["a//b.jpg", "a//c/", "a/e.jpg"]
    assert _names(keys, list(tree.content("a//c"))) == ["a//c/d.jpg"]
    assert _names(keys, list(tree.below(""))) == [
        *("/abs.png", "a/", "a//b.jpg", "a//c/", "a//c/d.jpg", "a/e.jpg", "x/")
    ]


def test_a_folder_is_passed_in_one_step() -> None:
    keys = Keys([f"many/{n}" for n in range(5000)] + [f"some/{n}/x" for n in range(30)] + ["z.png"])
    tree = Tree(keys)  # type: ignore[arg-type]
    assert _names(keys, list(tree.content(""))) == ["many/", "some/", "z.png"]
    assert keys.read_keys < 300
    assert len(list(tree.below("", depth=1))) == 3
    assert len(list(tree.below("", depth=2))) == 3 + 1 + 30
