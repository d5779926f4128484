"""What is accepted: only what images held back prove, in every band, and at a price that comes back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from codec.adaptation.curves import NoGainError, log_rate_change
from codec.adaptation.measured import QUALITIES, MeasuredImage, MeasuredPoint, MeasuredWeights
from codec.adaptation.verdict import LEAST_IMAGES, Verdict, verdict_on


def measured(changes_percent: list[float], *, low: float = 0.0, high: float = 0.0) -> MeasuredWeights:
    """Images whose bits differ by so many per cent, at the smallest qualities and the finest by some more."""
    images = []
    for number, percent in enumerate(changes_percent):
        points = []
        for quality in QUALITIES:
            more = low if quality < 24 else high if quality > 44 else 0.0
            rate = 2e4 * math.exp(0.055 * quality + 0.3 * math.sin(number)) * (1.0 + (percent + more) / 100.0)
            points.append(
                MeasuredPoint(quality=quality, num_bytes=round(rate), psnr_db=28.0 + 0.27 * quality)
            )
        images.append(MeasuredImage(points=tuple(points)))
    return MeasuredWeights(images=tuple(images))


def verdict(
    changes_percent: list[float], *, expected_bytes: int | None = None, low: float = 0.0, high: float = 0.0
) -> Verdict:
    before, after = measured([0.0] * len(changes_percent)), measured(changes_percent, low=low, high=high)
    return verdict_on(before, after, weights_bytes=600_000, expected_bytes=expected_bytes)


def test_a_gain_on_every_image_is_accepted_and_told() -> None:
    found = verdict([-20.0, -18.0, -22.0, -19.0, -21.0, -20.0])
    assert found.accepted, found.reason
    assert found.percent == pytest.approx(-20.0, abs=0.1)
    assert found.percent < found.bound_percent < -18.0
    assert [band.percent for band in found.bands] == pytest.approx([-20.0] * 3, abs=0.1)
    assert found.worst_image == 1
    assert found.worst_percent == pytest.approx(-18.0, abs=0.1)
    assert found.pays_back_after_bytes == pytest.approx(3_000_000, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "changed", "why"),
    [
        ([-20.0] * (LEAST_IMAGES - 1), {}, "expected at least 5 images"),
        ([0.0] * 12, {}, "a gain of 1 % is not proved"),
        ([-0.9] * 12, {}, "a gain of 1 % is not proved"),
        ([-30.0, 25.0, -28.0, 22.0, -25.0, 1.0], {}, "a gain of 1 % is not proved"),
        ([-20.0] * 12, {"low": 60.0}, "qualities 4 to 24 may lose"),
        ([-20.0] * 12, {"high": 60.0}, "qualities 44 to 63 may lose"),
        ([-20.0] * 19 + [12.0], {}, "an image held back would take 12.0 % more bits"),
        ([-20.0] * 12, {"expected_bytes": 2_900_000}, "the weights cost"),
    ],
    ids=["few", "nothing", "little", "luck", "small files", "fine files", "one image", "price"],
)
def test_what_is_not_proved_is_refused(changes: list[float], changed: dict[str, float], why: str) -> None:
    found = verdict(changes, **changed)  # type: ignore[arg-type]
    assert not found.accepted
    assert why in found.reason


def test_chance_alone_is_hardly_ever_accepted() -> None:
    rng = np.random.default_rng(0)
    drawn = (verdict((0.2 + rng.normal(0.0, 3.0, 8)).clip(-9.0, 2.9).tolist()) for _ in range(100))
    assert sum(found.accepted for found in drawn) <= 1


def test_images_that_cannot_be_compared_are_left_out() -> None:
    same = MeasuredImage(
        points=tuple(MeasuredPoint(quality=quality, num_bytes=90, psnr_db=math.inf) for quality in QUALITIES)
    )
    before, after = measured([0.0] * 6), measured([-20.0] * 6)
    found = verdict_on(
        MeasuredWeights(images=(same, *before.images)),
        MeasuredWeights(images=(same, *after.images)),
        weights_bytes=1,
    )
    assert found.accepted
    assert found.images == 6
    assert found.worst_image != 0


def test_curves_that_share_nothing_are_not_compared() -> None:
    low, high = [(1.0, 20.0), (2.0, 25.0)], [(1.0, 30.0), (2.0, 35.0)]
    with pytest.raises(NoGainError, match="no PSNR in common between"):
        log_rate_change(low, high, low_db=20.0, high_db=40.0)
