"""Generation loss: what is lost when a picture is encoded, decoded, and encoded again, as pictures that travel are.

It says something of a codec, not of a pair of pictures, so it is no `Judge`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from codec.bench.baselines import Baseline
from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.metrics import psnr_db

GENERATIONS: Final = (1, 2, 4, 8)
Recode = Callable[[RGB], RGB]
"""Once through a codec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What is left of pictures after some trips through a codec: means over the pictures."""

    number: int
    psnr_db: float
    """Against the originals; infinite where one came back identical."""
    lost_db: float
    """The first generation's PSNR less this one's: 0 from a codec that is idempotent."""


def generation_loss(
    recode: Recode, images: Iterable[RGB], generations: Sequence[int] = GENERATIONS
) -> list[Generation]:
    """PSNR after each of those generations, every one made from what the one before decoded to.

    Raises:
        ValueError: there are no images, or generations that do not rise from 1.
    """
    if not generations or generations[0] != 1 or list(generations) != sorted(set(generations)):
        raise ValueError(f"expected generations that rise from 1, got {list(generations)}")
    scores = [
        [score for at, score in _each(recode, image, generations[-1]) if at in generations]
        for image in images
    ]
    if not scores:
        raise ValueError("expected at least one image, got none")
    means = [sum(at_one) / len(scores) for at_one in zip(*scores, strict=True)]
    return [
        Generation(number=number, psnr_db=mean, lost_db=0.0 if mean == means[0] else means[0] - mean)
        for number, mean in zip(generations, means, strict=True)
    ]


def through_codec(codec: Codec, options: EncodeOptions) -> Recode:
    """One of ours."""

    def recode(image: RGB) -> RGB:
        (encoded,) = codec.encode([image], options)
        (decoded,) = codec.decode([encoded.payload])
        return decoded.pixels

    return recode


def through_baseline(baseline: Baseline, quality: int) -> Recode:
    """Another codec, through its files."""
    return lambda image: baseline.decode(baseline.encode(image, quality))


def _each(recode: Recode, image: RGB, last: int) -> Iterable[tuple[int, float]]:
    decoded = image
    for number in range(1, last + 1):
        decoded = recode(decoded)
        yield number, psnr_db(image, decoded)
