"""Where the samples of an uncompressed image lie in its file, and how they come out of it and back.

file = samples, row after row        -> (height, width, bands) numbers
     + all other bytes, in order     -> the skeleton
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.errors import DamagedError

Samples = npt.NDArray[Any]
_KINDS: Final = "uif"
"""Of NumPy's types: unsigned and signed integers, floating point."""
_SIZES: Final = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Rows of samples at equal distances."""

    offset: int
    """Of the first row in the file."""
    rows: int
    stride: int
    """Bytes from the start of one row to that of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All samples of a file: the rows of its runs, one below the other. Tiles, planes and pages are further rows."""

    dtype: str
    """NumPy's name with the byte order: `<u2`, `>f4`."""
    width: int
    bands: int
    runs: tuple[Run, ...]

    @property
    def row_bytes(self) -> int:
        """Of one row of samples, without what pads it."""
        return self.width * self.bands * np.dtype(self.dtype).itemsize

    @property
    def height(self) -> int:
        """Rows of all runs."""
        return sum(run.rows for run in self.runs)

    @property
    def num_bytes(self) -> int:
        """Of all samples."""
        return self.height * self.row_bytes

    def to_json(self) -> bytes:
        """As a payload holds it."""
        runs = [[run.offset, run.rows, run.stride] for run in self.runs]
        fields = {"dtype": self.dtype, "width": self.width, "bands": self.bands, "runs": runs}
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Grid:
        """Undo `to_json`.

        Raises:
            DamagedError: it is something else.
        """
        try:
            fields = json.loads(data)
            runs = tuple(
                Run(offset=int(offset), rows=int(rows), stride=int(stride))
                for offset, rows, stride in fields["runs"]
            )
            dtype, width, bands = np.dtype(str(fields["dtype"])), int(fields["width"]), int(fields["bands"])
        except (ValueError, KeyError, TypeError, SyntaxError, OverflowError, RecursionError) as error:
            raise DamagedError(
                f"Expected where samples lie in a file, got something else: {error!r}."
            ) from error
        return cls(dtype=dtype.str, width=width, bands=bands, runs=runs)

    def is_within(self, size: int) -> bool:
        """Whether a file of that many bytes can hold these rows, without two that share a byte."""
        dtype = np.dtype(self.dtype)
        if not is_number(dtype) or self.width < 1 or self.bands < 1 or not self.runs:
            return False
        end = 0
        for run in sorted(self.runs, key=lambda run: run.offset):
            if run.offset < end or run.rows < 1 or run.stride < self.row_bytes:
                return False
            end = run.offset + (run.rows - 1) * run.stride + self.row_bytes
        return end <= size


def is_number(dtype: np.dtype[Any]) -> bool:
    """Whether samples can be of that type."""
    return dtype.kind in _KINDS and dtype.itemsize in _SIZES


def merged(runs: Sequence[Run], row_bytes: int) -> tuple[Run, ...]:
    """The same rows in fewer runs: strips that follow each other are one."""
    found: list[Run] = []
    for run in runs:
        last = found[-1] if found else None
        if (
            last is not None
            and last.stride == run.stride == row_bytes
            and last.offset + last.rows * row_bytes == run.offset
        ):
            found[-1] = Run(offset=last.offset, rows=last.rows + run.rows, stride=row_bytes)
        else:
            found.append(run)
    return tuple(found)


def lift(data: bytes, grid: Grid) -> tuple[Samples, bytes]:
    """The samples in the machine's own byte order, (height, width, bands), and the skeleton; `grid` fits the file."""
    samples = np.empty((grid.height, grid.width, grid.bands), np.dtype(grid.dtype).newbyteorder("="))
    is_other = np.ones(len(data), np.bool_)
    for rows, run in _placed(grid):
        samples[rows] = _view(np.frombuffer(data, np.uint8), run, grid)
        _bytes_view(is_other, run, grid)[...] = False
    return samples, np.frombuffer(data, np.uint8)[is_other].tobytes()


def lower(samples: Samples, skeleton: bytes, grid: Grid) -> bytes:
    """Undo `lift`; `grid` fits the file."""
    file = np.empty(len(skeleton) + grid.num_bytes, np.uint8)
    is_other = np.ones(len(file), np.bool_)
    for rows, run in _placed(grid):
        _view(file, run, grid)[...] = samples[rows]
        _bytes_view(is_other, run, grid)[...] = False
    file[is_other] = np.frombuffer(skeleton, np.uint8)
    return file.tobytes()


def _placed(grid: Grid) -> Iterator[tuple[slice, Run]]:
    top = 0
    for run in grid.runs:
        yield slice(top, top + run.rows), run
        top += run.rows


def _view(file: npt.NDArray[np.uint8], run: Run, grid: Grid) -> Samples:
    item = np.dtype(grid.dtype).itemsize
    return np.ndarray(
        (run.rows, grid.width, grid.bands),
        np.dtype(grid.dtype),
        buffer=file,
        offset=run.offset,
        strides=(run.stride, grid.bands * item, item),
    )


def _bytes_view(mask: npt.NDArray[np.bool_], run: Run, grid: Grid) -> npt.NDArray[np.bool_]:
    return np.ndarray(
        (run.rows, grid.row_bytes), np.bool_, buffer=mask, offset=run.offset, strides=(run.stride, 1)
    )
