"""Codecs of the verbs that run in the tests' own process: each is loaded once there, not by every verb anew."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from codec.codec import Codec
from codec.contract import DEFAULT_CODEC
from codec.device import resolve_device
from codec.registry import load_codec

LOADERS: Final = ("pipeline.compress.run_codec", "pipeline.decode.resident_codecs", "pipeline.encode.tasks")
"""Modules that load the codecs of verbs, by the name `load_codec`."""


def loaded_once(
    codec_id: str = DEFAULT_CODEC,
    *,
    device: str = "auto",
    weights: Sequence[bytes] = (),
    encode_with: bytes | None = None,
) -> Codec:
    """What `codec.registry.load_codec` gives, the same one for the same words and weights: codecs keep no state."""
    return _loaded(codec_id, str(resolve_device(device)), tuple(weights), encode_with)


@lru_cache(maxsize=8)
def _loaded(codec_id: str, device: str, weights: tuple[bytes, ...], encode_with: bytes | None) -> Codec:
    return load_codec(codec_id, device=device, weights=weights, encode_with=encode_with)
