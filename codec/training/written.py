"""Files of a run's folder: each is whole or as it was before, and a full disk is an error that says what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from codec.errors import TrainingError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` once it is whole and on the disk.

    What a kill leaves of it has one name, so that the next one writes over it.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    temporary.replace(path)


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Whatever is written meanwhile goes there.

    Raises:
        TrainingError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"expected to write into {folder}, got {error}; make room there or take another folder. A run that has a "
            "checkpoint goes on from it with --resume"
        ) from error
