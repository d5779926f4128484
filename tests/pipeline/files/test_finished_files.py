"""Files that were made a moment ago."""

from __future__ import annotations

from pipeline.files.finished_files import FinishedFiles


def test_those_that_were_used_last_are_held() -> None:
    held = FinishedFiles(10)
    for key in "abc":
        held.put(key, "e", key.encode() * 3)
    assert held.get("a", "e") == b"aaa"
    held.put("d", "e", b"dddd")
    assert {key: held.get(key, "e") for key in "abcd"} == {"a": b"aaa", "b": None, "c": b"ccc", "d": b"dddd"}
    held.put("c", "e", b"c")
    held.put("e", "e", b"e" * 11)
    assert [held.get(key, "e") for key in "abcde"] == [None] * 5


def test_images_with_the_same_checksums_are_told_apart() -> None:
    held = FinishedFiles(10)
    held.put("a", "e", b"a")
    assert held.get("b", "e") is None
    assert held.get("a", "f") is None
