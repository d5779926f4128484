"""The sample of a unit: which images, how much of them, and what is expected from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

import pipeline.encode.rate_forecast
from codec.contract import RGB, Prepared
from pipeline.encode.rate_forecast import SAMPLE_IMAGES, UnitSample, sample_of
from pipeline.encode.types import Fetched
from pipeline.encode.weights_choice import WeightsChoice
from pipeline.types import Image, SourceImage
from tests.support.law_codec import LawCodec, numbered


def sources(count: int) -> list[SourceImage]:
    return [SourceImage(key=f"{number}", url="/") for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, SAMPLE_IMAGES])
def test_a_small_unit_is_its_own_sample(count: int) -> None:
    assert sample_of(sources(count)) == sources(count)


@pytest.mark.parametrize("count", [SAMPLE_IMAGES + 1, 40, 2048])
def test_a_large_unit_is_sampled_throughout_and_at_its_end(count: int) -> None:
    chosen = [int(source.key) for source in sample_of(sources(count))]
    assert len(set(chosen)) == SAMPLE_IMAGES
    assert chosen == sorted(chosen)
    assert chosen[0] == 0
    assert chosen[-12:] == list(range(count - 12, count))
    assert max(np.diff(chosen)) <= count / 8


def test_the_base_meets_the_target_over_the_sample() -> None:
    codec, images = LawCodec(spread=0.6, seed=1), numbered(20, seed=1)
    forecast = UnitSample(WeightsChoice([codec], 30), [f.source for f in images], images).forecast(0.72)
    expected = list(forecast.images.values())
    assert all(image.seen for image in expected)
    assert 8 * sum(image.num_bytes for image in expected) == pytest.approx(
        0.72 * sum(image.num_pixels for image in expected), rel=0.006
    )
    assert 0.03 < forecast.slope < 0.05


def test_images_outside_the_sample_are_expected_to_be_like_the_others() -> None:
    codec, images = LawCodec(spread=0.6, seed=1), numbered(50, seed=1)
    every = [fetched.source for fetched in images]
    chosen = {source.key for source in sample_of(every)}
    forecast = UnitSample(
        WeightsChoice([codec], 30), every, [f for f in images if f.source.key in chosen]
    ).forecast(0.72)
    assert forecast.images.keys() == {source.key for source in every}
    guessed = {image for image in forecast.images.values() if not image.seen}
    assert len(guessed) == 1
    seen = [image.num_bytes for image in forecast.images.values() if image.seen]
    assert guessed.pop().num_bytes == pytest.approx(np.mean(seen))


def test_what_cannot_be_coded_is_left_out() -> None:
    class Picky(LawCodec):
        def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
            if images[0][0, 0, 0] == 2:
                raise RuntimeError("not this one")
            return super().prepare(images)

    images = numbered(4, seed=1)
    images[1] = replace(images[1], content="truncated PNG")
    images[3] = replace(images[3], data=bytes(10))  # its file is smaller than any payload: it will be kept
    forecast = UnitSample(
        WeightsChoice([Picky(spread=0.6, seed=1)], 30), [f.source for f in images], images
    ).forecast(0.72)
    counted = [image.num_pixels > 0 for image in forecast.images.values()]
    assert counted == [True, False, False, False]


def test_a_unit_without_a_usable_image_has_a_forecast() -> None:
    images = [replace(fetched, content="truncated PNG") for fetched in numbered(3, seed=1)]
    forecast = UnitSample(
        WeightsChoice([LawCodec(spread=1, seed=1)], 30), [f.source for f in images], images
    ).forecast(0.72)
    assert [image.num_bytes for image in forecast.images.values()] == [0, 0, 0]


def test_of_large_images_the_centre_stands_for_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []

    class Watched(LawCodec):
        def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
            shapes.extend(image.shape for image in images)
            return super().prepare(images)

    monkeypatch.setattr(pipeline.encode.rate_forecast, "SAMPLE_PIXELS", 2 * 1250)
    pixels = np.zeros((100, 50, 3), np.uint8)
    content = Image(pixels=pixels, source_format="PNG", mode="RGB")
    images = [
        Fetched(source=source, data=bytes(10**6), content=content, read_s=0, decode_s=0)
        for source in sources(2)
    ]
    forecast = UnitSample(WeightsChoice([Watched(spread=0, seed=1)], 30), sources(2), images).forecast(0.72)
    assert shapes == [(50, 25, 3)] * 2
    assert [image.num_pixels for image in forecast.images.values()] == [5000, 5000]
    assert not any(image.seen for image in forecast.images.values())
