"""From a sample to the whole: estimates, each with the interval in which 95 of 100 samples would put it.

What grows with the files (bytes, pixels, work) is scaled by their bytes, which the listing tells, and not by their
number: large files are known to be large. Intervals are of the sample drawn again and again from itself (the
bootstrap), narrower by as much of the source as it holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.compress.plan import ImageCount
from pipeline.plan.measured_sample import MeasuredSample
from pipeline.totals import own_payload_bytes

_DRAWS: Final = 500
_LOWEST_PERCENT, _HIGHEST_PERCENT = 2.5, 97.5
_WORST_PERCENT: Final = 5.0
_HOUR_S: Final = 3600.0

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number that is not known, and where it lies in 95 of 100 cases."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        """The same in another unit."""
        return Estimate(value=self.value * factor, low=self.low * factor, high=self.high * factor)

    def plus(self, exact: float) -> Estimate:
        """With something on top that is no estimate."""
        return Estimate(value=self.value + exact, low=self.low + exact, high=self.high + exact)

    def of(self, whole: float) -> Estimate:
        """How often it goes into something."""
        value, high, low = (whole / max(part, 1.0) for part in (self.value, self.low, self.high))
        return Estimate(value=value, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What to expect of the images that are to be encoded, by a sample that was."""

    of: ImageCount
    sampled: int
    sampled_bytes: int
    failed: int
    """Of the sample: files that could not be read."""
    shares: Mapping[str, Estimate]
    """Of the images, by the status that they will have."""
    archive_bytes: Estimate
    """Payloads, and the metadata of shards and catalogue."""
    zip_bytes: Estimate
    """Of the files, zipped."""
    ratio_vs_source: Estimate
    """Bytes of the files over those of the archive."""
    zip_ratio_vs_source: Estimate
    psnr_db: Estimate | None
    """Mean of the coded images; None where none is coded."""
    worst_psnr_db: float | None
    """One in twenty of the coded images of the sample is worse."""
    megapixels: Estimate
    hours: Estimate
    """Of one core of this machine, or of its GPU."""
    on_gpu: bool


def expect(sample: MeasuredSample, of: ImageCount, *, seed: int) -> Expectation:
    """Scale what was measured to so many images.

    Args:
        of: which the sample was drawn from.
        seed: of the bootstrap.
    """
    rows = sample.rows
    draws = _Draws(rows.num_rows, of.images, seed)
    files = _numbers(rows, "source_size")
    has_sizes = (
        of.bytes > 0 and files.any() and not rows["source_size"].null_count
    )  # an empty file has one, too
    base, whole = (files, float(of.bytes)) if has_sizes else (np.ones(len(files)), float(of.images))
    metadata = sample.metadata_bytes_an_image * of.images + sample.metadata_bytes
    archive = draws.ratio(_stored(rows), base).times(whole).plus(metadata)
    zipped = draws.ratio(_numbers(rows, "zip_source_bytes"), base).times(whole)
    all_files = draws.ratio(files, base).times(whole).value
    megapixels = _numbers(rows, "width") * _numbers(rows, "height") / 1e6
    sampled_megapixels = float(megapixels.sum())
    expected_megapixels = draws.ratio(megapixels, base).times(whole)
    work_s = sample.work_s / sampled_megapixels if sampled_megapixels else 0.0
    coded = rows.filter(pc.is_valid(rows["psnr_db"]))["psnr_db"]
    psnr = np.asarray(coded.to_pylist(), float)
    statuses = rows["status"].to_pylist()
    return Expectation(
        of=of,
        sampled=rows.num_rows,
        sampled_bytes=int(files.sum()),
        failed=statuses.count("failed"),
        shares={
            status: draws.ratio(np.array([one == status for one in statuses], float), np.ones(len(statuses)))
            for status in sorted(set(statuses), key=statuses.count, reverse=True)
        },
        archive_bytes=archive,
        zip_bytes=zipped,
        ratio_vs_source=archive.of(all_files),
        zip_ratio_vs_source=zipped.of(all_files),
        psnr_db=_Draws(len(psnr), of.images, seed).ratio(psnr, np.ones(len(psnr))) if len(psnr) else None,
        worst_psnr_db=float(np.percentile(psnr, _WORST_PERCENT)) if len(psnr) else None,
        megapixels=expected_megapixels,
        hours=expected_megapixels.times(work_s / _HOUR_S),
        on_gpu=sample.on_gpu,
    )


class _Draws:
    """How often each image of a sample comes, when as many are drawn from it with repeats, again and again."""

    def __init__(self, sampled: int, images: int, seed: int) -> None:
        chance = np.random.default_rng(seed)
        self._times = chance.multinomial(sampled, np.full(sampled, 1 / sampled), size=_DRAWS).astype(float)
        self._unseen = math.sqrt(max(0.0, 1 - sampled / max(images, 1)))
        """By how much intervals are narrower: what is in the sample needs no estimate."""

    def ratio(self, part: Numbers, whole: Numbers) -> Estimate:
        """Of two sums over the images."""
        if not whole.sum():
            return Estimate(value=0.0, low=0.0, high=0.0)
        value = float(part.sum() / whole.sum())
        wholes = self._times @ whole
        drawn = (self._times @ part)[wholes > 0] / wholes[wholes > 0]
        low, high = np.percentile(drawn, (_LOWEST_PERCENT, _HIGHEST_PERCENT))
        return Estimate(
            value=value,
            low=value - max(0.0, value - float(low)) * self._unseen,
            high=value + max(0.0, float(high) - value) * self._unseen,
        )


def _numbers(rows: pa.Table, name: str) -> Numbers:
    return np.asarray(pc.fill_null(rows[name], 0).to_pylist(), float)


def _stored(rows: pa.Table) -> Numbers:
    """Payload bytes that each image adds to an archive."""
    return np.asarray(pc.fill_null(own_payload_bytes(rows), 0).to_pylist(), float)
