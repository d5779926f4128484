"""One image through one entrant at one rate: whole payload, decoded pixels, and what judges of pairs say of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from codec.bench.judges import Judge, NoScoreError
from codec.bench.judges.generations import generation_loss
from codec.bench.zoo.entrant import Coder
from codec.bench.zoo.matched_rate import RateSearch
from codec.contract import RGB
from codec.metrics import psnr_db

LAST_GENERATION = 4
"""Of the pictures whose loss is told: encoded and decoded so many times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooShot:
    """What was measured."""

    quality: float
    num_bytes: int
    """Of the whole file or payload."""
    width: int
    height: int
    psnr_db: float
    encode_s: float
    """CPU seconds of one encoding from pixels, without the search for its quality."""
    decode_s: float
    lost_db: float | None = None
    """PSNR that the fourth generation has lost; None where it was not asked for."""
    scores: dict[str, float] = field(default_factory=dict)
    """By the names of judges of pairs."""
    no_score: dict[str, str] = field(default_factory=dict)
    """Why a judge has none."""


def take(coder: Coder, image: RGB, search: RateSearch, bpp: float) -> tuple[ZooShot, bytes, RGB]:
    """The shot without scores, its payload, and the decoded picture."""
    height, width = image.shape[:2]
    matched = search.nearest(bpp * width * height / 8)
    began = time.process_time()
    payload = coder.of(image)(matched.quality)
    encoded = time.process_time()
    decoded = coder.decode(payload)
    done = time.process_time()
    shot = ZooShot(
        quality=matched.quality,
        num_bytes=len(payload),
        width=width,
        height=height,
        psnr_db=psnr_db(image, decoded),
        encode_s=encoded - began,
        decode_s=done - encoded,
    )
    return shot, payload, decoded


def lost_db(coder: Coder, image: RGB, quality: float) -> float:
    """PSNR that a picture has lost when it has been encoded and decoded four times, all at one quality."""
    generations = generation_loss(
        lambda picture: coder.decode(coder.of(picture)(quality)), [image], (1, LAST_GENERATION)
    )
    return generations[-1].lost_db


def judged(image: RGB, decoded: RGB, judges: Sequence[Judge]) -> tuple[dict[str, float], dict[str, str]]:
    """Scores by judges of pairs, and why others of them have none."""
    scores: dict[str, float] = {}
    no_score: dict[str, str] = {}
    for judge in judges:
        if judge.of_pair is None:
            continue
        try:
            scores[judge.name] = judge.of_pair(image, decoded)
        except NoScoreError as error:
            no_score[judge.name] = str(error)
    return scores, no_score
