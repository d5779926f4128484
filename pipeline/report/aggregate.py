"""An archive's catalogue added up in one pass: page and memory stay the same size however many images there are.

Only the catalogue is read. Zip means deflate (zlib level 6), on the raw 24-bit pixels and on the source files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.payloads_once import payloads_once
from pipeline.errors import ArchiveError
from pipeline.report.histogram import Histogram
from pipeline.sampling import DrawnRows, LowestRows, Sampling
from pipeline.totals import Totals

SHOWN_WORST: Final = 1000
SHOWN_DRAWN: Final = 1500
"""Rows of the page's table: all images when they are no more than both together."""
IMAGE_COLUMNS: Final = (
    "key",
    "status",
    "damaged",
    "packing",
    "reason",
    "lost_shard",
    "source_format",
    "codec",
    "weights",
    "quality",
    "effort",
    "width",
    "height",
    "source_size",
    "payload_length",
    "same_as_row",
    "zip_bytes",
    "zip_source_bytes",
    "bpp",
    "psnr_db",
    "ms_ssim",
    "run",
)
"""What the report says of one image."""
_MAX_REASONS: Final = 20
_MOST_NAMES: Final = 200
_WORST: Final = 10
_PARENTHESIS = re.compile(r" \([^)]*\)")
_SIZES: Final = (
    (0.25, "under 0.25 megapixels"),
    (1, "0.25 to 1 megapixels"),
    (4, "1 to 4 megapixels"),
    (16, "4 to 16 megapixels"),
)
_LARGEST, _UNSIZED = "16 megapixels and more", "size unknown"
_SIZE_ORDER: Final = (*(name for _, name in _SIZES), _LARGEST, _UNSIZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Images that have something in common."""

    name: str
    totals: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstImage:
    """An image at the bottom of the PSNR list."""

    key: str
    psnr_db: float
    ms_ssim: float | None
    bpp: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aggregate:
    """What the catalogue alone says."""

    archive: str
    version: int
    """Of the catalogue that was read."""
    totals: Totals
    groups: dict[str, list[Group]]
    """By `status`, `format`, `size` and, of stored images, `codec_quality`: a codec's level and effort, or a packing.
    Coded images also by `weights`, where there are several. A payload that images share counts once in a group, and in
    each of their formats."""
    reasons: list[tuple[str, str, int]]
    """(status, reason, images), the most frequent first."""
    histograms: dict[str, Histogram]
    """Of coded images: `psnr_db`, `ms_ssim`, `bpp` and `ratio`, against raw."""
    worst: list[WorstImage]
    drawn: list[str]
    """Keys of the images for the comparison, in no order."""
    shown: pa.Table
    """IMAGE_COLUMNS of the images for the page's table, by key."""


def aggregate_catalogue(catalogue: Catalogue, *, url: str, sampling: Sampling) -> Aggregate:
    """Add up the catalogue.

    Raises:
        NoArchiveError: there is no archive.
        ArchiveError: it holds no image.
    """
    version = catalogue.version()
    running = _AggregatePass(sampling)
    for batch in payloads_once(catalogue, IMAGE_COLUMNS):
        running.take(batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch]))
    if running.shares:  # what PNG and BMP files have in common counts among both
        running.groups["format"] = {}
        for batch in payloads_once(catalogue, IMAGE_COLUMNS, kind="source_format"):
            running.group(pa.Table.from_batches([batch]), ("format",))
    if not running.totals.images:
        raise ArchiveError(
            f"Expected images in the archive at {url}, got none yet; `tenfold compress` adds some."
        )
    return Aggregate(
        archive=url,
        version=version,
        totals=running.totals,
        groups={
            axis: _ordered(groups)
            for axis, groups in running.groups.items()
            if axis != "weights" or len(groups) > 1
        },
        reasons=[(status, reason, n) for (status, reason), n in running.reasons.most_common(_MAX_REASONS)],
        histograms=running.histograms,
        worst=[
            WorstImage(**one) for one in _plain(running.worst, ["key", "psnr_db", "ms_ssim", "bpp"], _WORST)
        ],
        drawn=[row["key"] for row in _plain(running.drawn, ["key"])],
        shown=running.shown_rows(),
    )


@dataclass(slots=True, kw_only=True)
class _Shown:
    worst: LowestRows = field(default_factory=lambda: LowestRows(SHOWN_WORST, by="psnr_db"))
    drawn: DrawnRows = field(default_factory=lambda: DrawnRows(Sampling(count=SHOWN_WORST + SHOWN_DRAWN)))


class _AggregatePass:
    """The state of the pass."""

    def __init__(self, sampling: Sampling) -> None:
        self.totals = Totals()
        self.groups: dict[str, dict[str, Totals]] = {
            "status": {},
            "format": {},
            "size": {},
            "codec_quality": {},
            "weights": {},
        }
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.histograms = {
            "psnr_db": Histogram(0, 100),
            "ms_ssim": Histogram(0, 1),
            "bpp": Histogram(1e-3, 1e3, scale="log"),
            "ratio": Histogram(1e-2, 1e5, scale="log"),
        }
        self.drawn = DrawnRows(sampling)
        self.shares = False
        """Whether images share the payload of another one."""
        self._shown = _Shown()

    def take(self, rows: pa.Table) -> None:
        """The next rows."""
        self.totals += Totals.of(rows)
        self.shares |= rows["same_as_row"].null_count < len(rows)
        self.group(rows, tuple(self.groups))
        self.reasons.update(_reasons(rows))
        coded = rows.filter(pc.equal(rows["status"], "coded"))
        for name in ("psnr_db", "ms_ssim", "bpp"):
            self.histograms[name].add(_numbers(coded[name]))
        self.histograms["ratio"].add(24 / np.maximum(_numbers(coded["bpp"]), 1e-9))
        self._shown.worst.offer(coded)
        self._shown.drawn.offer(rows)
        self.drawn.offer(rows.filter(pc.not_equal(rows["status"], "failed")).select(["key"]))

    def group(self, rows: pa.Table, by: Sequence[str]) -> None:
        """Add rows to the groups of some axes."""
        for axis, names, part in _axes(rows):
            held = self.groups[axis]
            for name in pc.unique(names).to_pylist() if axis in by else ():
                group = name if name in held or len(held) < _MOST_NAMES else "others"
                held[group] = held.get(group, Totals()) + Totals.of(part.filter(pc.equal(names, name)))

    @property
    def worst(self) -> LowestRows:
        """The coded images at the bottom."""
        return self._shown.worst

    def shown_rows(self) -> pa.Table:
        """The worst and those drawn, each once, by key."""
        drawn, worst = self._shown.drawn.rows(), self._shown.worst.rows()
        if drawn is None or worst is None:  # cannot be: something was offered
            raise AssertionError
        if self.totals.images > len(drawn):
            drawn = drawn.slice(0, SHOWN_DRAWN)
            others = worst.filter(pc.invert(pc.is_in(worst["key"], drawn["key"].combine_chunks())))
            drawn = pa.concat_tables([drawn, others])
        return drawn.sort_by("key")


def in_general(reason: str) -> str:
    """Reasons that differ only in a parenthesis (sizes, counts) count as one."""
    return _PARENTHESIS.sub("", reason)


def _axes(rows: pa.Table) -> Iterator[tuple[str, pa.Array, pa.Table]]:
    """What the rows are told apart by: an axis, the name of each row on it, and the rows that have one."""
    yield "status", rows["status"].combine_chunks(), rows
    yield "format", pc.fill_null(rows["source_format"], "unknown").combine_chunks(), rows
    yield "size", _size_names(rows), rows
    stored = rows.filter(pc.not_equal(rows["status"], "failed"))
    named = (stored[name].to_pylist() for name in ("codec", "quality", "effort", "status", "packing"))
    names = [
        _level(codec, quality, effort) if codec is not None else f"{status} {packing}" if packing else status
        for codec, quality, effort, status, packing in zip(*named, strict=True)
    ]
    yield "codec_quality", pa.array(names, pa.string()), stored
    coded = rows.filter(pc.equal(rows["status"], "coded"))
    yield "weights", pc.fill_null(coded["weights"], "not told").combine_chunks(), coded


def _level(codec: str, quality: int, effort: int | None) -> str:
    return f"{codec} q{quality}" + (f" effort {effort}" if effort else "")


def _size_names(rows: pa.Table) -> pa.Array:
    pixels = _numbers(rows["width"]) * _numbers(rows["height"])
    names = np.array(_SIZE_ORDER, dtype=object)
    at = np.searchsorted([limit * 1e6 for limit, _ in _SIZES], pixels, side="right")
    at[np.isnan(pixels)] = len(_SIZE_ORDER) - 1
    return pa.array(names[at], pa.string())


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """As floats; null is NaN."""
    return np.asarray(column.cast("float64").combine_chunks().to_numpy(zero_copy_only=False))


def _reasons(rows: pa.Table) -> Iterable[tuple[str, str]]:
    with_reason = rows.filter(pc.is_valid(rows["reason"]))
    for status, reason in zip(
        with_reason["status"].to_pylist(), with_reason["reason"].to_pylist(), strict=True
    ):
        yield status, in_general(reason)


def _ordered(groups: dict[str, Totals]) -> list[Group]:
    """By name, codec qualities by number and sizes by size."""

    def place(name: str) -> tuple[object, ...]:
        if name in _SIZE_ORDER:
            return ("", _SIZE_ORDER.index(name), name)
        stem, _, level = name.rpartition(" q")
        quality = level.split(" ")[0]
        return (stem, int(quality), name) if stem and quality.isdecimal() else (name, -1, name)

    return [Group(name=name, totals=groups[name]) for name in sorted(groups, key=place)]


def _plain(held: LowestRows | DrawnRows, columns: list[str], most: int | None = None) -> list[dict[str, Any]]:
    rows = held.rows()
    plain: list[dict[str, Any]] = [] if rows is None else rows.select(columns).slice(0, most).to_pylist()
    return plain
