"""What every codec must keep, tried on the codec itself in seconds: for whoever brings a family of their own.

The suites of this repository try the same laws harder (tests/codec/test_contract.py); these need no tests and no image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from codec.codec import Codec
from codec.contract import QUALITIES, RGB, EncodeOptions
from codec.errors import BitstreamError, UnknownWeightsError
from codec.metrics import psnr_db

_SIZES: Final = ((1, 1), (1, 40), (37, 1), (33, 50), (64, 96))
"""Heights and widths."""
_WORST_DB: Final = 15.0
_FLIPS: Final = 100
_BEST: Final = QUALITIES.stop - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One of them."""

    sentence: str
    broken: Callable[[Codec], str | None]
    """Tries a codec: None where it keeps the law, else what was found."""


def examine(codec: Codec) -> Iterator[tuple[Law, str | None]]:
    """Every law, and what breaks it; an exception that a codec should not raise breaks it, too."""
    for law in LAWS:
        try:
            found = law.broken(codec)
        except Exception as error:  # noqa: BLE001 whatever a stranger's code raises is what is to be told
            found = f"{type(error).__name__}: {error}"
        yield law, found


def _any_size(codec: Codec) -> str | None:
    for height, width in _SIZES:
        image = _picture(height, width)
        (encoded,) = codec.encode([image], EncodeOptions(quality=_BEST))
        (decoded,) = codec.decode([encoded.payload])
        if decoded.pixels.shape != image.shape or decoded.pixels.dtype != np.uint8:
            return f"{height} x {width} came back as {decoded.pixels.dtype} {decoded.pixels.shape}"
        if (reached := psnr_db(image, decoded.pixels)) < _WORST_DB:
            return f"{height} x {width} came back at {reached:.1f} dB at quality {_BEST}"
        if codec.latents(encoded.payload).shape != encoded.latent_shape:
            return f"latents are {codec.latents(encoded.payload).shape}, told are {encoded.latent_shape}"
    return None


def _same_bytes(codec: Codec) -> str | None:
    first, second = (codec.encode([_picture(40, 56)], EncodeOptions(quality=20)) for _ in range(2))
    return None if first == second else "two payloads of one image differ"


def _batch(codec: Codec) -> str | None:
    images = [_picture(40, 56, seed) for seed in range(5)] + [_picture(17, 90)]
    options = EncodeOptions(quality=30)
    together = codec.encode(images, options)
    if together != [codec.encode([image], options)[0] for image in images]:
        return "an image has other bytes among others than alone"
    decoded = codec.decode([one.payload for one in together])
    for one, back in zip(together, decoded, strict=True):
        if not np.array_equal(codec.decode([one.payload])[0].pixels, back.pixels):
            return "a payload has other pixels among others than alone"
    return None


def _quality(codec: Codec) -> str | None:
    image = _picture(128, 192)
    points = []
    for quality in (0, 20, 41, _BEST):
        (encoded,) = codec.encode([image], EncodeOptions(quality=quality))
        shown = codec.decode([encoded.payload])[0].pixels
        points.append((len(encoded.payload), psnr_db(image, shown)))
    if points != sorted(points) or [score for _, score in points] != sorted(score for _, score in points):
        return ", ".join(f"{size} bytes at {score:.1f} dB" for size, score in points)
    return None


def _flips(codec: Codec) -> str | None:
    payload = codec.encode([_picture(40, 56)], EncodeOptions(quality=20))[0].payload
    chance = np.random.default_rng(0)
    for place in sorted(
        chance.choice(8 * len(payload), min(_FLIPS, 8 * len(payload)), replace=False).tolist()
    ):
        damaged = bytearray(payload)
        damaged[place // 8] ^= 1 << place % 8
        if not _refused(codec, bytes(damaged)):
            return f"byte {place // 8} of {len(payload)} with bit {place % 8} flipped was decoded"
    return None


def _cuts(codec: Codec) -> str | None:
    payload = codec.encode([_picture(40, 56)], EncodeOptions(quality=20))[0].payload
    for length in sorted({0, 1, len(payload) // 2, len(payload) - 1}):
        if not _refused(codec, payload[:length]):
            return f"the first {length} of {len(payload)} bytes were decoded"
    return None


LAWS: Final = (
    Law(sentence="an image of any size comes back in its size", broken=_any_size),
    Law(sentence="the same image has the same bytes again", broken=_same_bytes),
    Law(sentence="what an image becomes does not depend on those beside it", broken=_batch),
    Law(sentence="a higher quality takes more bytes and shows more", broken=_quality),
    Law(sentence="a payload with a flipped bit is refused", broken=_flips),
    Law(sentence="a payload that was cut short is refused", broken=_cuts),
)


def _refused(codec: Codec, payload: bytes) -> bool:
    try:
        codec.decode([payload])
    except (BitstreamError, UnknownWeightsError):
        return True
    return False


def _picture(height: int, width: int, seed: int = 0) -> RGB:
    """Waves, an edge, and some grain."""
    chance = np.random.default_rng((seed, height, width))
    row, column = np.mgrid[:height, :width]
    waves = 90 + 60 * np.sin(row / 9 + seed) + 40 * np.cos(column / (7 + seed))
    waves = waves + 50 * (row + column > (height + width) / 2)
    channels = np.stack([waves, waves * 0.8 + 20, 230 - waves * 0.7], axis=2)
    pixels: RGB = (channels + chance.normal(0, 4, channels.shape)).clip(0, 255).astype(np.uint8)
    return pixels
