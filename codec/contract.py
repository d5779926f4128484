"""The contract every codec family implements: pixels in, bytes out, and back.

Shape legend: H, W image height and width in pixels; C latent channels; h, w latent grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
"""One image: uint8, shape (H, W, 3), sRGB order R, G, B; H and W at least 1."""

QUALITIES = range(64)
"""Every family offers the same 64 quality levels: 0 smallest, 63 best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One image's bitstream and the facts about it that a reader checks."""

    payload: bytes
    latent_shape: tuple[int, int, int]
    """(C, h, w) of the latents inside the payload."""
    symbols_crc32: int
    """zlib.crc32 of the decoded latents' bytes (little-endian): equal on every machine that decodes."""


class Codec(Protocol):
    """One codec family with its weights resident on one device.

    Laws: `encode(images)[i] == encode([images[i]])[0]`, byte for byte, whatever else is in the batch;
    `decode([e.payload])[0]` has the shape of the image encoded; payloads describe themselves.
    """

    @property
    def id(self) -> str:
        """Name and version, as written in every catalogue row: `ae-zfp-1`."""
        ...

    @property
    def default_quality(self) -> int:
        """The quality of a run that asks for none."""
        ...

    def encode(self, images: Sequence[RGB], *, quality: int) -> list[Encoded]:
        """Compress a batch at one quality of `QUALITIES`.

        Raises:
            ValueError: quality is not in `QUALITIES`, or an image is not uint8 (H, W, 3).
        """
        ...

    def decode(self, payloads: Sequence[bytes]) -> list[RGB]:
        """Decompress a batch.

        Raises:
            BitstreamError: a payload is damaged, truncated, or of another codec.
        """
        ...

    def latents(self, payload: bytes) -> npt.NDArray[np.float32]:
        """The dequantised latents y_hat, (C, h, w), without running the synthesis network.

        Raises:
            BitstreamError: as `decode`.
        """
        ...

    def symbols_crc32(self, payload: bytes) -> int:
        """CRC of the latents a payload decodes to here; equals `Encoded.symbols_crc32` everywhere."""
        ...
