"""What the comparison comes to: sums and means over the same images for us and for each of the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from codec.bench.judges import Judge
from codec.bench.matched import Match, match
from codec.bench.measure import RatePoint, mean_points
from pipeline.report.comparison.judging import reported_judges
from pipeline.report.comparison.methods import FIDELITY, Curve, Fidelity, Method, Score, SetScore, Size
from pipeline.report.comparison.run import ComparedImage, Comparison

_RAW: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one judge says of this archive."""

    id: str
    name: str
    better: Literal["lower", "higher"]
    value: float
    """Mean over the images, or of them as a set."""
    floor: float | None
    """Of a judge of sets: what it says where nothing was lost."""
    images: int
    blind_to: str
    is_trained_on: bool
    """Whether the decoder was trained on this judge, which therefore does not judge it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOtherwise:
    """How near another decoder's pictures of the same payloads are; means over those that have the number."""

    title: str
    """`by realistic (generated)`."""
    images: int
    psnr_db: float | None
    ssim: float | None
    ms_ssim: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """This archive over the coded images of the curves; means over those that have the number."""

    images: int
    bpp: float
    """All payload bits over all pixels: an image of one pixel must not outweigh the others."""
    ratio: float
    """All raw bytes over all payload bytes."""
    psnr_db: float | None
    ssim: float | None
    ms_ssim: float | None
    judged: list[Judged]
    """Those that gave a score, in the order in which they are shown; behind what each says of the faithful pictures
    what it says of another decoder's."""
    otherwise: tuple[ShownOtherwise, ...] = ()
    """Where another decoder was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LosslessResult:
    """One way to store without loss, over the images it took."""

    method: Method
    images: int
    num_bytes: int
    raw_bytes: int
    source_bytes: int
    payload_bytes: int
    """What this archive takes for the same images."""

    @property
    def ratio_vs_raw(self) -> float:
        """Raw bytes over its bytes."""
        return self.raw_bytes / self.num_bytes

    @property
    def times_ours(self) -> float:
        """Its bytes over ours."""
        return self.num_bytes / self.payload_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Over the images on which its curve passes ours; the others lie outside what it was measured at."""

    inside: int
    below: int
    above: int
    value: float | None
    """None when every image is outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossyResult:
    """One codec that loses, over the coded images it took."""

    method: Method
    images: int
    points: list[RatePoint]
    """Over the images that every codec took, less those of `given_back`: so curves can be held against each other."""
    psnr_gain_db: Matched
    """Mean of our PSNR less its, at our bpp. Positive: ours is better."""
    times_ours: Matched
    """All its bytes over all of ours, at our PSNR. Above 1: ours is smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonResults:
    """All of them."""

    ours: Ours | None
    """None when no coded image took part."""
    lossless: list[LosslessResult]
    """The smallest first, of those on pixels, then of those on files."""
    lossy: list[LossyResult]
    given_back: int
    """Images that some codec gave back exactly, as flat ones are: with an infinite PSNR nothing has a mean, so they are
    neither in curves nor in `ours`, unless that would leave fewer than half."""


def comparison_results(comparison: Comparison) -> ComparisonResults:
    """Add up; methods that took no image are left out."""
    lossless = [
        _lossless(one, entries)
        for one in comparison.methods
        if one.kind == "lossless" and (entries := _having(comparison.entries, one))
    ]
    coded = [entry for entry in comparison.entries if entry.row.status == "coded"]
    lossy = [one for one in comparison.methods if one.kind == "lossy" and _having(coded, one)]
    common = [entry for entry in coded if all(one.id in entry.results for one in lossy)]
    shown = _with_losses(common)
    return ComparisonResults(
        ours=_ours(shown, comparison),
        lossless=sorted(lossless, key=lambda one: (one.method.id.endswith("_file"), -one.ratio_vs_raw)),
        lossy=[_lossy(one, _having(coded, one), shown) for one in lossy],
        given_back=len(common) - len(shown),
    )


def _with_losses(entries: list[ComparedImage]) -> list[ComparedImage]:
    """Those that lose something by every codec at every setting; all, where these are fewer than half."""
    found = [
        entry
        for entry in entries
        if all(
            math.isfinite(sample.psnr_db)
            for curve in entry.results.values()
            if isinstance(curve, Curve)
            for sample in curve.samples
        )
    ]
    return found if 2 * len(found) >= len(entries) else entries


def matches(entry: ComparedImage) -> dict[str, Match]:
    """Each lossy codec at our rate and quality over one image, by its id; none when ours lost nothing."""
    fidelity = entry.results.get(FIDELITY)
    if not isinstance(fidelity, Fidelity) or fidelity.psnr_db is None or entry.row.bpp is None:
        return {}
    found = {
        name: match(result.samples, our_bpp=entry.row.bpp, our_psnr_db=fidelity.psnr_db)
        for name, result in entry.results.items()
        if isinstance(result, Curve)
    }
    return {name: one for name, one in found.items() if one is not None}


def _having(entries: Sequence[ComparedImage], one: Method) -> list[ComparedImage]:
    return [entry for entry in entries if one.id in entry.results]


def _pixels(entries: Sequence[ComparedImage]) -> int:
    return sum(entry.row.num_pixels for entry in entries)


def _ours(entries: Sequence[ComparedImage], comparison: Comparison) -> Ours | None:
    fidelities = [found for entry in entries if isinstance(found := entry.results.get(FIDELITY), Fidelity)]
    if not fidelities:
        return None
    ratio = _RAW * _pixels(entries) / sum(entry.row.payload_length or 0 for entry in entries)
    return Ours(
        images=len(entries),
        bpp=8 * _RAW / ratio,
        ratio=ratio,
        psnr_db=_mean([one.psnr_db for one in fidelities]),
        ssim=_mean([one.ssim for one in fidelities]),
        ms_ssim=_mean([one.ms_ssim for one in fidelities]),
        judged=[
            judged
            for judge_id, judge in reported_judges().items()
            for one in comparison.methods
            if one.measure == judge_id and (judged := _judged(one, judge, entries, comparison)) is not None
        ],
        otherwise=tuple(
            _otherwise(one, title.rpartition(", ")[2], entries)
            for one, title in _by_others(FIDELITY, comparison)
            if any(one in entry.results for entry in entries)
        ),
    )


def _by_others(measure: str, comparison: Comparison) -> Iterator[tuple[str, str]]:
    """Ids and titles of the methods that measure so what other decoders show."""
    return ((one.id, one.title) for one in comparison.methods if one.measure == measure and one.id != measure)


def _otherwise(one: str, title: str, entries: Sequence[ComparedImage]) -> ShownOtherwise:
    found = [score for entry in entries if isinstance(score := entry.results.get(one), Fidelity)]
    return ShownOtherwise(
        title=title,
        images=len(found),
        psnr_db=_mean([score.psnr_db for score in found]),
        ssim=_mean([score.ssim for score in found]),
        ms_ssim=_mean([score.ms_ssim for score in found]),
    )


def _judged(
    one: Method, judge: Judge, entries: Sequence[ComparedImage], comparison: Comparison
) -> Judged | None:
    values = [found.value for entry in entries if isinstance(found := entry.results.get(one.id), Score)]
    value, images, floor = _mean(values), len(values), None
    if isinstance(together := comparison.of_set.get(one.id), SetScore):
        value, images, floor = together.value, together.images, together.floor
    if value is None:
        return None
    return Judged(
        id=one.id,
        name=one.title,
        better=judge.better,
        value=value,
        floor=floor,
        images=images,
        blind_to=judge.blind_to,
        is_trained_on=one.is_trained_on,
    )


def _lossless(one: Method, entries: Sequence[ComparedImage]) -> LosslessResult:
    sizes = [size for entry in entries if isinstance(size := entry.results[one.id], Size)]
    return LosslessResult(
        method=one,
        images=len(entries),
        num_bytes=sum(size.num_bytes for size in sizes),
        raw_bytes=_RAW * _pixels(entries),
        source_bytes=sum(entry.row.source_size or 0 for entry in entries),
        payload_bytes=sum(entry.row.payload_length or 0 for entry in entries),
    )


def _lossy(one: Method, entries: Sequence[ComparedImage], common: Sequence[ComparedImage]) -> LossyResult:
    curves = [curve.samples for entry in common if isinstance(curve := entry.results[one.id], Curve)]
    found = [(entry, matched) for entry in entries if (matched := matches(entry).get(one.id)) is not None]
    gains: list[float] = []
    theirs = ours = 0.0
    for entry, matched in found:
        fidelity = entry.results[FIDELITY]
        if not isinstance(matched.psnr_db_at_our_bpp, str) and isinstance(fidelity, Fidelity):
            gains.append((fidelity.psnr_db or 0.0) - matched.psnr_db_at_our_bpp)
        if not isinstance(matched.bytes_at_our_psnr, str):
            theirs += matched.bytes_at_our_psnr
            ours += entry.row.payload_length or 0
    rates = [matched.psnr_db_at_our_bpp for _, matched in found]
    scores = [matched.bytes_at_our_psnr for _, matched in found]
    return LossyResult(
        method=one,
        images=len(entries),
        points=mean_points(curves) if curves else [],
        psnr_gain_db=_matched(rates, _mean(gains)),
        times_ours=_matched(scores, theirs / ours if ours else None),
    )


def _matched(found: Sequence[float | Literal["below", "above"]], value: float | None) -> Matched:
    return Matched(
        inside=sum(not isinstance(one, str) for one in found),
        below=sum(one == "below" for one in found),
        above=sum(one == "above" for one in found),
        value=value,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return sum(measured) / len(measured) if measured else None
