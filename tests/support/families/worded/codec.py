"""The codec: that of `tests/support/block_codec.py` behind an encoder that counts words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from codec.codec import Codec
from codec.contract import RGB, Encoded, EncodeOptions, Encoder, Prepared
from codec.parts.tiled_codec import TiledCodec
from tests.support.block_codec import BlockModel


class CountingWords:
    """Implements `codec.contract.Encoder`."""

    def __init__(self, plain: Encoder) -> None:
        self._plain = plain

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        return self._plain.prepare(images)

    def estimate_bytes(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[int]:
        return self._plain.estimate_bytes(prepared, list(map(_counted, options)))

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        return self._plain.finish(prepared, list(map(_counted, options)))


def _counted(options: EncodeOptions) -> EncodeOptions:
    words = (options.words or "").split()
    return replace(options, quality=min(63.0, options.quality + len(words)), words=None)


def load(*, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> Codec:
    """The codec; it knows one weights file."""
    del device, own, others
    codec: Codec = TiledCodec("worded-1", BlockModel(), default_quality=40)
    codec.encoder, codec.takes_words = CountingWords(codec.encoder), True
    return codec
