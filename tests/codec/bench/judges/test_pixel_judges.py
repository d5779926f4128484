"""Judges that need pixels alone: each sees the damage that it is named for."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from codec.bench.judges import Judge, NoScoreError, all_judges
from codec.bench.judges.blockiness import BLOCKINESS, blockiness
from codec.bench.judges.generations import generation_loss, through_codec
from codec.bench.judges.judge import middle
from codec.bench.judges.spectral_peaks import SPECTRAL_PEAKS, spectral_peaks
from codec.bench.judges.ssimulacra import SSIMULACRA2
from codec.bench.judges.structural import MS_SSIM, SSIM
from codec.contract import RGB, EncodeOptions
from tests.support.block_codec import block_codec
from tests.support.photographs import PHOTOS, picture

SMALL = picture(168, 180)
OF_PIXELS = (SSIM, MS_SSIM, SSIMULACRA2, BLOCKINESS, SPECTRAL_PEAKS)


def photo() -> RGB:
    with Image.open(PHOTOS / "kodim07.png") as file:
        return np.asarray(file.convert("RGB"))[:192, :192]


def as_jpeg(pixels: RGB, quality: int) -> RGB:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as back:
        return np.asarray(back)


def test_judges_have_names_sources_and_words_of_what_they_do_not_see() -> None:
    judges = all_judges()
    assert len({judge.name for judge in judges}) == len(judges)
    assert all(judge.source and judge.blind_to for judge in judges)


@pytest.mark.parametrize("judge", OF_PIXELS, ids=lambda judge: judge.name)
def test_a_judge_of_pairs_ranks_damage(judge: Judge) -> None:
    if (reason := judge.missing()) is not None:
        pytest.skip(reason)
    assert judge.of_pair is not None
    original = photo()
    same, slight, rough = (
        judge.of_pair(original, one) for one in (original, as_jpeg(original, 80), as_jpeg(original, 8))
    )
    worse = -1 if judge.better == "higher" else 1
    if judge.name == "spectral peaks":
        assert max(same, slight, rough) < 1.3  # blocks are no hatch
    else:
        assert same * worse < slight * worse < rough * worse
    assert all(isinstance(score, float) and math.isfinite(score) for score in (same, slight, rough))


def test_the_spectrum_shows_a_hatch_that_nobody_sees() -> None:
    original = photo()
    y, x = np.mgrid[: original.shape[0], : original.shape[1]]
    hatch = 1.5 * np.cos(2 * np.pi * 3 / 8 * x) * np.cos(2 * np.pi * 3 / 8 * y)
    hatched = np.clip(np.rint(original + hatch[..., None]), 0, 255).astype(np.uint8)
    assert spectral_peaks(original, hatched) > 1.5
    assert spectral_peaks(hatched, hatched) == 1


def test_a_flat_picture_is_not_blocky_and_has_no_peaks() -> None:
    flat = np.full((128, 128, 3), 7, np.uint8)
    assert blockiness(flat, flat) == spectral_peaks(flat, flat) == 1


@pytest.mark.parametrize(
    "judge", [one for one in OF_PIXELS if one is not SSIMULACRA2], ids=lambda judge: judge.name
)
def test_a_picture_that_is_too_small_has_no_score(judge: Judge) -> None:
    assert judge.of_pair is not None
    with pytest.raises(NoScoreError, match=r"expected at least \d+ pixels each way, got 11 x 9"):
        judge.of_pair(picture(9, 11), picture(9, 11))


def test_of_a_large_picture_the_middle_is_looked_at() -> None:
    row = np.arange(60, dtype=np.uint8)[None, :, None].repeat(30, 0).repeat(3, 2)
    part = middle(row, 450)
    assert part.shape == (15, 30, 3)
    assert part[0, 0, 0] == 15
    assert middle(row, 1800) is row


def test_generations_lose_what_a_codec_does_not_keep() -> None:
    rounded = generation_loss(lambda image: image // 4 * 4, [SMALL])
    assert [one.number for one in rounded] == [1, 2, 4, 8]
    assert all(one.lost_db == 0 for one in rounded)  # rounding is idempotent
    drifting = generation_loss(lambda image: image - (image > 0), [SMALL, SMALL], (1, 2, 4))
    assert [one.lost_db for one in drifting] == pytest.approx(
        [0, 20 * math.log10(2), 20 * math.log10(4)], abs=0.3
    )
    blocks = generation_loss(through_codec(block_codec(), EncodeOptions(quality=30)), [SMALL], (1, 2))
    assert blocks[0].psnr_db > blocks[1].psnr_db > 25
    with pytest.raises(ValueError, match="generations that rise from 1, got"):
        generation_loss(lambda image: image, [SMALL], (2, 4))
    with pytest.raises(ValueError, match="at least one image"):
        generation_loss(lambda image: image, [])
