"""Keys to file names: one to one, and never outside the destination."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode.file_names import safe_path, with_extension

KEYS = st.text(alphabet="ab./%2EeF0 5\\\0ü", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("holiday/a b.jpg", "holiday/a b.jpg"),
        ("ünï/日本.png", "ünï/日本.png"),
        ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
        ("/abs.png", "%2F/abs.png"),
        ("a//b.png", "a/%2F/b.png"),
        ("./a", "%2E/a"),
        ("%2E%2E/a", "%252E%252E/a"),
        ("100%.png", "100%.png"),
        ("https%3A%2F%2Fa.org%2fb.jpg", "https%3A%2F%2Fa.org%2fb.jpg"),
        ("%2e%2e.jpg/%2f", "%2e%2e.jpg/%252f"),
        ("%252E/%00\0", "%25252E/%2500%00"),
        ("_decode/job/plan.parquet", "%5Fdecode/job/plan.parquet"),
        ("%5Fdecode/_decode", "%255Fdecode/_decode"),
    ],
)
def test_known_keys(key: str, path: str) -> None:
    assert safe_path(key) == path


@given(KEYS)
def test_a_path_never_leaves_its_folder(key: str) -> None:
    path = PurePosixPath(safe_path(key))
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert "\0" not in str(path)
    assert "/".join(path.parts) == safe_path(key)  # no `.` or empty segment that the system would fold


@given(KEYS, KEYS)
def test_two_keys_never_share_a_path(one: str, other: str) -> None:
    assert (safe_path(one) == safe_path(other)) == (one == other)


def test_the_same_stem_with_two_extensions_stays_apart() -> None:
    keys = ["a.jpg", "a.gif", "a", "a.png", "a.jpg.png", "A.PNG"]
    names = [with_extension(key, (".png",), set(keys).__contains__) for key in keys]
    assert names == ["a.jpg.png.png", "a.gif.png", "a.png.png", "a.png", "a.jpg.png", "A.PNG"]
    assert len(set(names)) == len(keys)


@given(st.sets(st.text(alphabet="a.png", min_size=1, max_size=10), max_size=12))
def test_decoded_names_never_meet(keys: set[str]) -> None:
    names = [with_extension(key, (".png",), keys.__contains__) for key in keys]
    assert len(set(names)) == len(keys)
