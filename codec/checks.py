"""What a codec refuses, in the same words whichever family it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from codec.contract import DEFAULT_CODEC, RGB, Decoder
from codec.errors import CodecConfigError, NoDecoderError


def check_shown(decoders: Mapping[str, Decoder], name: str, weights_digest: bytes) -> None:
    """Refuse a payload that one of a codec's decoders cannot show.

    Args:
        weights_digest: of the weights that made it.
    Raises:
        NoDecoderError: the text names the decoders that can.
    """
    if not decoders[name].shows(weights_digest):
        able = ", ".join(other for other, decoder in decoders.items() if decoder.shows(weights_digest))
        raise NoDecoderError(
            f"expected a decoder of payloads made with weights {weights_digest.hex()}, which are {able}; got {name!r}, "
            "whose weights here are for others"
        )


def check_images(images: Sequence[RGB]) -> None:
    """Refuse what is not 8-bit RGB.

    Raises:
        ValueError: an image is not uint8 (H, W, 3), or has no pixels.
    """
    for number, pixels in enumerate(images):
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(
                f"expected uint8 images of shape (H, W, 3), got {pixels.dtype} {pixels.shape} at {number}"
            )


def check_effort(codec_id: str, effort: int, *, searches: bool) -> None:
    """Refuse an effort of a codec that does not search.

    Raises:
        CodecConfigError: it is above 0.
    """
    if effort and not searches:
        raise CodecConfigError(
            f"expected effort 0 with {codec_id}, which encodes in one way only; got {effort}: leave it out, or choose "
            f"a codec that searches, such as {DEFAULT_CODEC}"
        )


def check_importance(codec_id: str, *, asked: bool, takes_maps: bool) -> None:
    """Refuse importance maps of a codec that spreads its bits in one way only.

    Raises:
        CodecConfigError: they are asked for, and it takes none.
    """
    if asked and not takes_maps:
        raise CodecConfigError(
            f"expected no importance with {codec_id}, which knows no maps: leave it out, or choose a codec that takes "
            f"them, such as {DEFAULT_CODEC}"
        )
