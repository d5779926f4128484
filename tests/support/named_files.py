"""Sources of small files, for tests."""

from __future__ import annotations

import os
from typing import Any

from pipeline.source.parse import parse_source
from pipeline.source.source import Source
from pipeline.store.storage import Storage


def fill(root: str | os.PathLike[str], *names: str) -> None:
    """Files that hold their names."""
    storage = Storage(root)
    for name in names:
        storage.write(name, name.encode("utf-8", "surrogateescape"))


def keys(text: str | os.PathLike[str], **how: Any) -> list[str]:
    """What SRC gives."""
    return [image.key for image in parse_source(os.fspath(text), **how).images()]


def assert_readable(source: Source) -> None:
    """Each image is a file that holds its name."""
    for image in source.images():
        assert source.read(image).decode("utf-8", "surrogateescape").endswith(image.key.split("/")[-1])
