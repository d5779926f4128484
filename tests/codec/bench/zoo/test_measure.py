"""A run measures what is not kept, leaves out what fails, and says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codec.bench.baselines import BASELINES
from codec.bench.cache import KeptFolder
from codec.bench.judges import Judge, all_judges
from codec.bench.kodak import image_digest
from codec.bench.zoo.entrant import LEARNED_QUALITIES, Entrant, LearnedCoder, ordinary
from codec.bench.zoo.kept_shots import KeptShots
from codec.bench.zoo.measure import Measured, Plan, ZooImage, measure
from codec.contract import RGB
from tests.support.block_codec import block_codec
from tests.support.zoo_rows import GRAIN

MS_SSIM = next(judge for judge in all_judges() if judge.name == "MS-SSIM")
OF_SETS = replace(GRAIN, name="sets", of_pair=None, of_set=lambda originals, decoded: float(len(decoded)))
JPEG = ordinary(next(baseline for baseline in BASELINES if baseline.id == "jpeg_420"))


@pytest.fixture
def original() -> ZooImage:
    ramp = np.linspace(0, 200, 96 * 80 * 3).reshape(80, 96, 3)
    noise = np.random.default_rng(0).normal(0, 12, ramp.shape)
    pixels: RGB = (ramp + noise).clip(0, 255).astype(np.uint8)
    return ZooImage(key="a.png", digest=image_digest(pixels), pixels=pixels)


@pytest.fixture
def run(original: ZooImage, tmp_path: Path) -> Callable[..., Measured]:
    def run(*entrants: Entrant, judges: tuple[Judge, ...] = (GRAIN, OF_SETS, MS_SSIM)) -> Measured:
        plan = Plan(entrants=entrants, originals=[original], rates=(1.5, 2.0), judges=judges, shown=1)
        return measure(plan, KeptShots(KeptFolder(tmp_path)), lambda: None)

    return run


def test_rows_pictures_and_reasons(run: Callable[..., Measured]) -> None:
    def broken() -> None:
        raise ValueError("expected a model, got none")

    fails = replace(JPEG, id="broken", title="Broken", open=broken)  # type: ignore[arg-type]
    measured = run(JPEG, fails)
    low, high = measured.rows
    assert (low.is_matched, high.is_matched) == (True, True)
    assert low.psnr_db < high.psnr_db
    assert (low.scores, low.lost_db) == ({"grain": 0.5, "sets": 1.0}, None)
    assert high.lost_db is not None
    assert measured.not_measured["Broken"] == "it failed: expected a model, got none"
    assert "at least 161 pixels each way, got 96 x 80" in measured.not_measured["MS-SSIM on a.png"]
    (strip,) = measured.strips[1.5]
    assert [crop.entrant for crop in strip.crops] == ["jpeg_420"]
    assert strip.original.shape == strip.crops[0].pixels.shape == (80, 96, 3)


def test_a_codec_of_ours_takes_part(run: Callable[..., Measured]) -> None:
    blocks = replace(
        JPEG,
        id="blocks",
        identity="blocks",
        qualities=LEARNED_QUALITIES,
        open=lambda: LearnedCoder(block_codec()),
    )
    (low, high) = run(blocks, judges=(GRAIN,)).rows
    assert low.bpp == pytest.approx(1.5, rel=0.005)
    assert low.psnr_db < high.psnr_db


def test_what_was_measured_is_kept(run: Callable[..., Measured]) -> None:
    first = run(JPEG)

    class Counted:
        encoded = 0

        def of(self, image: RGB) -> Callable[[float], bytes]:
            type(self).encoded += 1
            return JPEG.open().of(image)

        def decode(self, payload: bytes) -> RGB:
            return JPEG.open().decode(payload)

    again = run(replace(JPEG, open=Counted), judges=(GRAIN, OF_SETS, MS_SSIM, replace(GRAIN, name="new")))
    assert Counted.encoded == 0
    assert [row.psnr_db for row in again.rows] == [row.psnr_db for row in first.rows]
    assert again.rows[0].scores == {"grain": 0.5, "sets": 1.0, "new": 0.5}
    run(replace(JPEG, open=Counted, identity="other weights"))
    assert Counted.encoded > 0
