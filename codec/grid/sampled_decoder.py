"""A decoder that makes up what the symbols leave open: one of the pictures that may have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

import numpy as np
import torch

from codec.contract import RGB, Decoder, Latents
from codec.parts.tiled_latents import TiledLatents

SAMPLED: Final = "sampled"
"""Its name among a codec's decoders."""


class SampledDecoder(Decoder):
    """Gives networks that take noise some, and shows what others make as it is.

    Noise is drawn by position and seeded with the checksum of the symbols: a payload looks the same every time, and one
    without symbols as any other of its size.
    """

    generates = True

    def __init__(self, faithful: Decoder, noise: Mapping[bytes, int]) -> None:
        """Take the decoder that shows the pictures, and by the digests of their weights files how many values a
        position those networks take that take any."""
        self._faithful, self._noise = faithful, noise

    def shows(self, weights_digest: bytes) -> bool:
        """Whether the network of these weights takes noise."""
        return weights_digest in self._noise

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        """The images."""
        return self._faithful.synthesise([self._with_noise(cast(TiledLatents, one)) for one in latents])

    def _with_noise(self, latents: TiledLatents) -> TiledLatents:
        height, width = latents.y_hwC.shape[:2]
        shape = (height, width, self._noise[latents.weights_digest])
        words = np.random.Philox(key=latents.symbols_crc32).random_raw(height * width * shape[2])
        u_hwN = (words >> np.uint64(40)).astype(np.float32).reshape(shape) / 2.0**23 - 1.0
        y_hwC = torch.cat((latents.y_hwC, torch.from_numpy(u_hwN).to(latents.y_hwC)), -1)
        return replace(latents, y_hwC=y_hwC)
