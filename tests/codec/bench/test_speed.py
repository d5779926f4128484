"""Timing: who is timed, on what, and how it is counted."""

from __future__ import annotations

import os
import sys
import threading
import time

import numpy as np
import pytest
import torch

from codec.bench.measure import compare, mean_points, rd_table
from codec.bench.one_core import one_core
from codec.bench.speed import (
    SPEED_BASELINES,
    Contender,
    baseline_contender,
    measure_speed,
    mirrored_to,
    our_contender,
)
from codec.contract import RGB, EncodeOptions
from codec.families.ae_zfp.codec import AutoEncoderZfp
from tests.support.photographs import picture


class _Log:
    """A contender that notes its calls and takes 2 ms to encode, 1 ms to decode."""

    def __init__(self, name: str, calls: list[str]) -> None:
        self.calls, self.name = calls, name

    def contender(self) -> Contender:
        return Contender(
            id=self.name, library="", settings="", qualities=(1, 2), encode=self.encode, decode=self.decode
        )

    def encode(self, image: RGB, quality: float) -> bytes:
        self.calls.append(f"{self.name}{quality:g}")
        time.sleep(0.002)
        return bytes(int(quality) * 100)

    def decode(self, data: bytes) -> RGB:
        time.sleep(0.001)
        return np.zeros((1, 1, 3), np.uint8)


def test_codecs_take_turns_on_each_image_after_one_warm_up() -> None:
    calls: list[str] = []
    image = np.zeros((100, 100, 3), np.uint8)
    seen = []
    speeds = measure_speed(
        [_Log(name, calls).contender() for name in "ab"],
        iter([image, image]),
        rounds=2,
        on_image=lambda: seen.append(1),
    )
    assert calls == ["a1", "a2", "b1", "b2"] * 5  # the warm-up, then two rounds of two images
    assert len(seen) == 2
    at = speeds["a"].qualities[1]
    assert at.bpp == pytest.approx(200 * 8 / 10_000)
    assert at.encode_s_per_mp >= 0.2  # 2 ms on 0.01 megapixels; how much more is the machine's affair
    assert at.decode_s_per_mp >= 0.1
    mean = sum(at.encode_s_per_mp for at in speeds["a"].qualities) / 2
    assert speeds["a"].encode_s_per_mp == pytest.approx(mean)


def test_nothing_to_time_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one image to time, got none"):
        measure_speed([], [], rounds=1)


def test_real_codecs_are_timed(codec: AutoEncoderZfp) -> None:
    contenders = [our_contender(codec, [8, 40]), *map(baseline_contender, SPEED_BASELINES)]
    speeds = measure_speed(contenders, [picture(64, 64)], rounds=1)
    assert set(speeds) == {"tenfold", "jpeg", "webp_m6", "avif_s6"}
    for speed in speeds.values():
        assert speed.encode_s_per_mp > 0
        assert speed.decode_s_per_mp > 0
    low, high = speeds["tenfold"].qualities
    assert low.bpp < high.bpp
    assert low.bpp == len(codec.encode([picture(64, 64)], EncodeOptions(quality=8))[0].payload) * 8 / 64**2


def test_one_core_is_one_core_and_is_given_back() -> None:
    threads = torch.get_num_threads()
    release = threading.Event()
    other = threading.Thread(target=release.wait)
    other.start()
    try:
        if sys.platform == "linux":
            cores = os.sched_getaffinity(0)
        with one_core() as how:
            assert torch.get_num_threads() == 1
            assert "torch threads 1" in how
            if sys.platform == "linux":
                assert len(os.sched_getaffinity(0)) == 1
                assert os.sched_getaffinity(other.native_id or 0) == os.sched_getaffinity(0)
        assert torch.get_num_threads() == threads
        if sys.platform == "linux":
            assert os.sched_getaffinity(0) == cores
            assert os.sched_getaffinity(other.native_id or 0) == cores
    finally:
        release.set()
        other.join()


def test_mirroring_continues_an_image_without_seams() -> None:
    image = picture(60, 90)
    large = mirrored_to(image, 0.1)
    assert large.shape[0] * large.shape[1] == pytest.approx(100_000, rel=0.01)
    assert large.shape[1] / large.shape[0] == pytest.approx(1.5, rel=0.01)
    assert np.array_equal(large[:60, :90], image)
    assert np.array_equal(large[60:120, :90], image[::-1])
    assert np.array_equal(large[:60, 90:180], image[:, ::-1])
    assert mirrored_to(image, 0.001) is image


def test_rd_table_measures_real_payloads(codec: AutoEncoderZfp) -> None:
    images = [picture(170, 180, seed) for seed in range(2)]
    low, high = rd_table(codec, iter(images), [5, 60])
    assert low.images == 2
    assert low.bpp < high.bpp
    assert low.psnr_db < high.psnr_db
    encoded = codec.encode(images, EncodeOptions(quality=5))
    assert low.ratio == pytest.approx(sum(i.size for i in images) / sum(len(e.payload) for e in encoded))
    decoded = codec.decode([one.payload for one in encoded])
    samples = [
        compare(image, came_back.pixels, num_bytes=len(one.payload), quality=5)
        for image, came_back, one in zip(images, decoded, encoded, strict=True)
    ]
    assert mean_points([[sample] for sample in samples]) == [low]
    with pytest.raises(ValueError, match="at least one image"):
        rd_table(codec, [], [5])


def test_means_are_over_images_and_small_images_have_no_ms_ssim() -> None:
    large, small = picture(170, 180), picture(20, 30)
    pairs = [(large, 2000), (small, 100)]
    (point,) = mean_points([[compare(i, i ^ np.uint8(1), num_bytes=n, quality=7)] for i, n in pairs])
    assert point.quality == 7
    assert point.bpp == pytest.approx((2000 * 8 / (170 * 180) + 100 * 8 / 600) / 2)
    assert point.psnr_db == pytest.approx(48.1308, abs=1e-4)
    assert point.ms_ssim is not None
    (alone,) = mean_points([[compare(small, small, num_bytes=1, quality=7)]])
    assert alone.ms_ssim is None
    assert alone.psnr_db == float("inf")
