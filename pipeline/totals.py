"""Sums over catalogue rows: what was stored, how large it was before, how well it decodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final, get_args

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.types import Status

STATUSES: tuple[str, ...] = get_args(Status)
LOW_PSNR_DB: Final = 30.0
"""A coded image under it is counted, for somebody to look at."""

COLUMNS = (
    "status",
    "damaged",
    "width",
    "height",
    "source_size",
    "payload_length",
    "same_as_row",
    "zip_bytes",
    "zip_source_bytes",
    "psnr_db",
    "ms_ssim",
)
"""The catalogue columns that totals are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums that add up; the ratios are derived. Raw means 24-bit RGB: 3 bytes a pixel.

    Bytes and pixels are over stored images, all but the failed ones, which hold nothing. A kept image whose pixels were
    never decoded counts as many as its file has bytes for: what its header says, nobody has seen, and headers lie.
    """

    images: int = 0
    coded: int = 0
    lossless: int = 0
    bounded: int = 0
    kept: int = 0
    damaged: int = 0
    """Of `kept`: files that are no sound images."""
    failed: int = 0
    pixels: int = 0
    coded_pixels: int = 0
    source_bytes: int = 0
    payload_bytes: int = 0
    """What lies in the shards: a payload that rows share counts once."""
    coded_payload_bytes: int = 0
    """Of every coded image its own, shared or not: what the rate of a codec is made of."""
    zip_bytes: int = 0
    """Deflate of raw pixels, over the images whose pixels were decoded."""
    zipped_pixels: int = 0
    zip_source_bytes: int = 0
    low_psnr: int = 0
    """Coded images under `LOW_PSNR_DB`."""
    psnr_sum: float = 0.0
    psnr_count: int = 0
    ms_ssim_sum: float = 0.0
    ms_ssim_count: int = 0

    def __add__(self, other: Totals) -> Totals:
        return Totals(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @classmethod
    def of(cls, rows: pa.Table | pa.RecordBatch) -> Totals:
        """Totals of rows that have at least `COLUMNS`."""
        status = rows["status"]
        coded = pc.equal(status, "coded")
        stored = pc.not_equal(status, "failed")
        seen = pc.is_valid(rows["zip_bytes"])
        as_file = pc.divide(rows["source_size"], 3)
        area = pc.multiply(pc.if_else(seen, rows["width"], None), pc.if_else(seen, rows["height"], None))
        pixels = pc.if_else(seen, area, as_file)
        psnr = rows["psnr_db"].filter(coded)
        ms_ssim = rows["ms_ssim"].filter(coded)
        return cls(
            images=len(status),
            **{name: _sum(pc.equal(status, name).cast("int64")) for name in STATUSES},
            damaged=_sum(rows["damaged"].cast("int64")),
            pixels=_sum(pixels.filter(stored)),
            coded_pixels=_sum(pixels.filter(coded)),
            source_bytes=_sum(rows["source_size"].filter(stored)),
            payload_bytes=_sum(own_payload_bytes(rows).filter(stored)),
            coded_payload_bytes=_sum(rows["payload_length"].filter(coded)),
            zip_bytes=_sum(rows["zip_bytes"]),
            zipped_pixels=_sum(pixels.filter(seen)),
            zip_source_bytes=_sum(rows["zip_source_bytes"]),
            low_psnr=_sum(pc.less(psnr, LOW_PSNR_DB).cast("int64")),
            psnr_sum=float(pc.sum(psnr).as_py() or 0.0),
            psnr_count=len(psnr) - psnr.null_count,
            ms_ssim_sum=float(pc.sum(ms_ssim).as_py() or 0.0),
            ms_ssim_count=len(ms_ssim) - ms_ssim.null_count,
        )

    @classmethod
    def by_status(cls, rows: pa.Table) -> dict[str, Totals]:
        """Totals of rows as `of` takes them, for each status that one of them has."""
        there = pc.unique(rows["status"]).to_pylist()
        if len(there) == 1:
            return {there[0]: cls.of(rows)}
        return {status: cls.of(rows.filter(pc.equal(rows["status"], status))) for status in there}

    @classmethod
    def of_stream(cls, batches: Iterable[pa.Table | pa.RecordBatch]) -> Totals:
        """Totals of a stream of rows, in constant memory."""
        return sum((cls.of(batch) for batch in batches), cls())

    @property
    def raw_bytes(self) -> int:
        """Stored images as 24-bit RGB."""
        return 3 * self.pixels

    @property
    def bpp(self) -> float | None:
        """Payload bits over original pixels, of all stored images; shared payloads count once."""
        return _ratio(8 * self.payload_bytes, self.pixels)

    @property
    def coded_bpp(self) -> float | None:
        """The same over the coded images alone."""
        return _ratio(8 * self.coded_payload_bytes, self.coded_pixels)

    @property
    def ratio_vs_raw(self) -> float | None:
        """Raw bytes over payload bytes; metadata, catalogue and weights do not count (`pipeline/info` counts all)."""
        return _ratio(self.raw_bytes, self.payload_bytes)

    @property
    def ratio_vs_source(self) -> float | None:
        """Source bytes over payload bytes, likewise."""
        return _ratio(self.source_bytes, self.payload_bytes)

    @property
    def zip_ratio_vs_raw(self) -> float | None:
        """Raw bytes over deflated raw bytes: what zip reaches on the same pixels."""
        return _ratio(3 * self.zipped_pixels, self.zip_bytes)

    @property
    def zip_ratio_vs_source(self) -> float | None:
        """Source bytes over deflated source bytes: what zipping the files reaches."""
        return _ratio(self.source_bytes, self.zip_source_bytes)

    @property
    def psnr_db(self) -> float | None:
        """Mean over coded images."""
        return _ratio(self.psnr_sum, self.psnr_count)

    @property
    def ms_ssim(self) -> float | None:
        """Mean over coded images large enough to have one."""
        return _ratio(self.ms_ssim_sum, self.ms_ssim_count)


def own_payload_bytes(rows: pa.Table | pa.RecordBatch) -> pa.ChunkedArray | pa.Array:
    """Payload bytes that each row adds to its shard: 0 where it shares the payload of another row.

    Args:
        rows: `payload_length` and `same_as_row` of a catalogue; failed images have no payload, and null.
    """
    return pc.if_else(pc.is_null(rows["same_as_row"]), rows["payload_length"], 0)


def _sum(column: pa.ChunkedArray | pa.Array) -> int:
    return int(pc.sum(column).as_py() or 0)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
