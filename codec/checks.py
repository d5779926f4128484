"""What a codec refuses, in the same words whichever family it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from codec.contract import DEFAULT_CODEC, RGB, Decoder, Demands
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


def check_demands(
    codec_id: str, demands: Demands, *, searches: bool, takes_maps: bool, takes_words: bool
) -> None:
    """Refuse what is asked of a codec that does not know it.

    Raises:
        CodecConfigError: it does not search, takes no importance maps, or takes no words.
    """
    if demands.effort and not searches:
        raise CodecConfigError(
            f"expected effort 0 with {codec_id}, which encodes in one way only; got {demands.effort}: leave it out, or "
            f"choose a codec that searches, such as {DEFAULT_CODEC}"
        )
    if demands.maps and not takes_maps:
        raise CodecConfigError(
            f"expected no importance with {codec_id}, which knows no maps: leave it out, or choose a codec that takes "
            f"them, such as {DEFAULT_CODEC}"
        )
    if demands.words and not takes_words:
        raise CodecConfigError(
            f"expected no words with {codec_id}, which takes none: leave them out, or choose a codec that does "
            "(`tenfold codecs` says of each what it takes)"
        )
