"""Glob patterns over '/'-separated names."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.globs import compile_glob, is_glob, key_matcher, literal_texts, split_glob


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.jpg", "a.jpg", True),
        ("*.jpg", "a.JPG", False),
        ("*.jpg", "b/a.jpg", False),
        ("**/*.jpg", "a.jpg", True),
        ("**/*.jpg", "b/c/a.jpg", True),
        ("x/**/y/*.jpg", "x/y/a.jpg", True),
        ("x/**/y/*.jpg", "x/1/2/y/a.jpg", True),
        ("x/**/y/*.jpg", "xy/a.jpg", False),
        ("x/**", "x/1/2.png", True),
        ("x/**", "x", False),
        ("**/*.jpg", "/a.jpg", True),
        ("**/*.jpg", "b//a.jpg", True),
        ("a***.jpg", "a1.jpg", True),
        ("a***.jpg", "a/1.jpg", False),
        ("[*]*", "*a", True),
        ("[*]*", "a*", False),
        ("**", "a/b", True),
        ("a?.png", "ab.png", True),
        ("a?.png", "a/.png", False),
        ("a[0-9b].png", "a7.png", True),
        ("a[!0-9].png", "a7.png", False),
        ("a[!0-9].png", "a/.png", False),
        ("a[[]1].png", "a[1].png", True),
        ("a[]x].png", "a].png", True),
        ("a[^x].png", "a^.png", True),
        ("a[.png", "a[.png", True),
        ("a.b+(c)$.png", "a.b+(c)$.png", True),
        ("*", "line\nbreak", True),
    ],
)
def test_match(pattern: str, name: str, matches: bool) -> None:
    assert (compile_glob(pattern).fullmatch(name) is not None) is matches


@given(st.text("ab.*?[]!-x", max_size=8), st.text("ab.x-![]", max_size=6))
def test_one_part_agrees_with_the_standard_library(pattern: str, name: str) -> None:
    try:
        ours = compile_glob(pattern)
    except ValueError:
        return
    if pattern != "**" or name:
        assert (ours.fullmatch(name) is not None) == fnmatch.fnmatchcase(name, pattern)


@given(st.text("ab.*?[]!-/", max_size=8), st.lists(st.text("ab.[]!-/", max_size=6), max_size=6))
def test_what_matches_holds_the_literal_texts_in_order(pattern: str, names: list[str]) -> None:
    try:
        matches = key_matcher(pattern)
    except ConfigError:
        return
    first, *others = literal_texts(pattern)
    for name in filter(matches, [*names, pattern]):
        assert name.startswith(first)
        assert not others or name.endswith(others[-1])
        at = len(first)
        for text in others:
            at = name.index(text, at) + len(text)


@pytest.mark.parametrize(
    ("text", "folder", "glob"),
    [
        ("photos/2024/**/*.jpg", "photos/2024/", "**/*.jpg"),
        ("photos/a*/b.jpg", "photos/", "a*/b.jpg"),
        ("*.jpg", "", "*.jpg"),
        ("/*", "/", "*"),
        ("s3://b/p q/x[ab]/y", "s3://b/p q/", "x[ab]/y"),
    ],
)
def test_split(text: str, folder: str, glob: str) -> None:
    assert is_glob(text)
    assert split_glob(text) == (folder, glob)


@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("*.jpg", "b/c/a.jpg", True),
        ("b*.jpg", "b/c/a.jpg", True),
        ("b?a.jpg", "b/a.jpg", True),
        ("b[!c]a.jpg", "b/a.jpg", True),
        ("**.jpg", "b/a.jpg", True),
        ("**", "b/a.jpg", True),
        ("*.JPG", "a.jpg", False),
        ("b/*.jpg", "b/a.jpg", True),
        ("b/*.jpg", "b/c/a.jpg", False),
        ("b/**/*.jpg", "b/c/a.jpg", True),
        ("/b/*", "/b/a.jpg", True),
    ],
)
def test_keys(pattern: str, key: str, matches: bool) -> None:
    assert key_matcher(pattern)(key) is matches


@given(st.text("ab.*?[]!-x", max_size=8), st.text("ab.x-![]/", max_size=8))
@settings(deadline=None)
def test_without_a_slash_keys_are_matched_as_the_standard_library_does(pattern: str, key: str) -> None:
    try:
        matches = key_matcher(pattern)
    except ConfigError:
        return
    assert matches(key) == fnmatch.fnmatchcase(key, pattern)


def test_a_glob_over_keys_that_cannot_be_one() -> None:
    with pytest.raises(ConfigError, match=r"Expected a glob over keys, got 'x\[z-a\]'"):
        key_matcher("x[z-a]")


def test_a_backward_range() -> None:
    with pytest.raises(ValueError, match=r"expected a range like \[a-z\] in 'x\[z-a\]'"):
        compile_glob("x[z-a]")


def test_wildcards_in_a_row_cost_as_one() -> None:
    assert compile_glob(f"a{'*' * 900}b").pattern == compile_glob("a*b").pattern
