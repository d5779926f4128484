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


def check_folder(out: Path, data: Path | None) -> None:
    """Refuse a folder in which a run's files would be lost, or taken for its images.

    Args:
        out: of the run.
        data: the folder that holds its images; None where they lie elsewhere than in a folder of this machine.
    Raises:
        TrainingError: it is a URL, or lies in the other one.
    """
    if len(out.parts) > 1 and out.parts[0].endswith(":"):
        raise TrainingError(
            f"expected a folder of this machine for the run, got a URL that begins with {out.parts[0]}; train into a "
            "folder, and copy it there"
        )
    if data is not None and data.is_dir() and out.resolve().is_relative_to(data.resolve()):
        raise TrainingError(
            f"expected a folder for the run outside of its images in {data}, got {out}: what it draws would be images "
            "of the next session; train elsewhere"
        )
