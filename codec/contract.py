"""The contract every codec family implements: pixels in, bytes out, and back.

Shape legend: H, W image height and width in pixels; C latent channels; h, w latent grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

RGB = npt.NDArray[np.uint8]
"""One image: uint8, shape (H, W, 3), sRGB order R, G, B; H and W at least 1."""

DEFAULT_CODEC: Final = "hyper-1"
"""What a run that names no codec encodes with."""

QUALITIES = range(64)
"""Every family offers the same 64 quality levels: 0 smallest, 63 best. Numbers between two levels are taken too:
they serve targets that lie between."""


def as_rgb(pixels: npt.NDArray[np.uint8]) -> RGB:
    """(H, W, 1) grey or (H, W, 3) RGB, as RGB."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One image's bitstream and the facts about it that a reader checks."""

    payload: bytes
    latent_shape: tuple[int, int, int]
    """(C, h, w) of the latents inside the payload."""
    symbols_crc32: int
    """zlib.crc32 of the decoded latents' bytes (little-endian): equal on every machine that decodes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decoded:
    """One image as its payload gives it back."""

    pixels: RGB
    symbols_crc32: int
    """Of the symbols it was made from, as `Encoded.symbols_crc32`: compared with what the payload says of them."""


class Prepared(Protocol):
    """One image after the analysis transform: every quality can be had from here without running it again."""

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        ...


class Codec(Protocol):
    """One codec family with its weights resident on one device.

    Laws: `encode(images)[i] == encode([images[i]])[0]`, byte for byte, whatever else is in the batch;
    `decode([e.payload])[0].pixels` has the shape of the image encoded; payloads describe themselves.
    """

    @property
    def id(self) -> str:
        """Name and version, as written in every catalogue row: `ae-zfp-1`."""
        ...

    @property
    def default_quality(self) -> int:
        """The quality of a run that asks for none."""
        ...

    @property
    def weights(self) -> dict[str, bytes]:
        """The weights files that this codec's payloads need, by name: the file's digest and its suffix."""
        ...

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        """Run the analysis transform on a batch.

        Raises:
            ValueError: an image is not uint8 (H, W, 3).
        """
        ...

    def estimate_bytes(self, prepared: Prepared, qualities: Sequence[float]) -> list[int]:
        """About how long the payload would be at each quality: within 1 % of what `finish` writes.

        Raises:
            ValueError: a quality is not in [0, 63].
        """
        ...

    def finish(self, prepared: Sequence[Prepared], qualities: Sequence[float]) -> list[Encoded]:
        """Quantise and entropy-code a batch, each image at its own quality.

        Raises:
            ValueError: a quality is not in [0, 63].
        """
        ...

    def encode(self, images: Sequence[RGB], *, quality: float) -> list[Encoded]:
        """Compress a batch at one quality: `prepare`, then `finish`.

        Raises:
            ValueError: as those.
        """
        ...

    def decode(self, payloads: Sequence[bytes]) -> list[Decoded]:
        """Decompress a batch. What comes back was decoded from the symbols that were encoded: their CRC was compared.

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


def check_quality(quality: float) -> None:
    """Refuse what is not a quality.

    Raises:
        ValueError: it is outside [0, 63].
    """
    if not QUALITIES.start <= quality <= QUALITIES.stop - 1:
        raise ValueError(f"expected a quality from 0 to {QUALITIES.stop - 1}, got {quality}")


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
