"""The pace of a unit: on target at every size and spread of content, gentle, the same every time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pipeline.encode.quality_search import HIGHEST, LOWEST
from pipeline.encode.rate_control import FIRM, GENTLE, FixedQuality, TargetRate
from pipeline.encode.rate_forecast import UnitSample, sample_of
from pipeline.encode.types import Candidate, Fetched
from pipeline.encode.weights_choice import WeightsChoice
from pipeline.types import Image
from tests.support.law_codec import Law, LawCodec, numbered

TARGET_BPP = 0.72


class Unit:
    """One unit brought through a pace, as the coder would."""

    def __init__(
        self, count: int, *, spread: float = 0.6, seed: int = 0, batch: int = 4, bpp: float = TARGET_BPP
    ) -> None:
        self.codec = LawCodec(spread=spread, seed=seed)
        self.images = numbered(count, seed=seed)
        self.bpp = bpp
        sources = [fetched.source for fetched in self.images]
        chosen = {source.key for source in sample_of(sources)}
        sample = UnitSample(
            WeightsChoice([self.codec], 30), sources, [f for f in self.images if f.source.key in chosen]
        )
        self.base = sample.forecast(bpp).base
        self.rate_control = TargetRate(bpp, sample.forecast(bpp))
        self.num_bytes = self.num_pixels = 0
        self.qualities: list[float] = []
        for start in range(0, count, batch):
            self._take(self.images[start : start + batch])

    @property
    def error(self) -> float:
        """Share by which the unit is off its target."""
        return 8 * self.num_bytes / self.num_pixels / self.bpp - 1

    def _take(self, batch: Sequence[Fetched]) -> None:
        images = [fetched.content for fetched in batch if isinstance(fetched.content, Image)]
        prepared = self.codec.encoder.prepare([image.pixels for image in images])
        candidates = [
            Candidate(fetched=f, image=i, encoder=self.codec.encoder, prepared=p)
            for f, i, p in zip(batch, images, prepared, strict=True)
        ]
        quality = self.rate_control.quality(candidates)
        assert self.rate_control.quality(candidates) == quality, "asking changes nothing"
        self.qualities.append(quality)
        for candidate in candidates:
            assert isinstance(candidate.prepared, Law)
            taken = candidate.prepared.num_bytes(quality)
            self.num_bytes += taken
            self.num_pixels += candidate.num_pixels
            self.rate_control.coded(
                candidate.key, num_pixels=candidate.num_pixels, num_bytes=taken, quality=quality
            )


@pytest.mark.parametrize("count", [2, 6, 24, 25, 40, 100, 300])
@pytest.mark.parametrize("batch", [1, 9])
def test_every_unit_meets_its_target_within_two_percent(count: int, batch: int) -> None:
    for seed in range(12):
        unit = Unit(count, seed=seed, batch=batch)
        assert abs(unit.error) <= 0.02, f"seed {seed}: {unit.error:+.2%} with {unit.qualities}"


def test_a_unit_of_one_image_meets_it_too() -> None:
    errors = [abs(Unit(1, spread=0.3, seed=seed).error) for seed in range(20)]
    assert max(errors) <= 0.02


def test_a_unit_that_was_looked_at_whole_keeps_one_quality() -> None:
    for seed in range(8):
        unit = Unit(24, seed=seed)
        assert max(unit.qualities) - min(unit.qualities) <= 1.5


def test_qualities_stay_near_each_other() -> None:
    for seed in range(6):
        unit = Unit(200, spread=0.5, seed=seed)
        middle = sorted(unit.qualities)[len(unit.qualities) // 2]
        near = [abs(quality - middle) <= GENTLE for quality in unit.qualities]
        assert sum(near) >= 0.85 * len(near)
        assert all(abs(quality - middle) <= FIRM + GENTLE for quality in unit.qualities)


def test_the_same_unit_gets_the_same_qualities() -> None:
    assert Unit(60, seed=3).qualities == Unit(60, seed=3).qualities


@pytest.mark.parametrize(("bpp", "end"), [(0.0001, LOWEST), (24.0, HIGHEST)], ids=["too small", "too large"])
def test_a_target_out_of_reach_ends_at_the_end(bpp: float, end: float) -> None:
    assert set(Unit(40, bpp=bpp).qualities) == {end}


def test_what_is_not_coded_does_not_count() -> None:
    """Half of the images turn out to be kept; the others meet the target by themselves."""
    unit = Unit(0)
    images = numbered(60, seed=1)
    sources = [fetched.source for fetched in images]
    chosen = {source.key for source in sample_of(sources)}
    sample = UnitSample(
        WeightsChoice([unit.codec], 30), sources, [f for f in images if f.source.key in chosen]
    )
    unit.rate_control = TargetRate(TARGET_BPP, sample.forecast(TARGET_BPP))
    for number, fetched in enumerate(images):
        if number % 2:
            unit.rate_control.not_coded(fetched.source.key)
        else:
            unit._take([fetched])
    assert abs(unit.error) <= 0.02


def test_a_steady_pace_is_steady() -> None:
    rate_control = FixedQuality(17.0)
    rate_control.coded("a", num_pixels=1, num_bytes=10**9, quality=17.0)
    rate_control.not_coded("b")
    assert rate_control.quality([]) == 17.0
