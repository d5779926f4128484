"""What a family gives of each of its models, so that `tiled_codec.py` can make a codec of them.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents; y_hwC those of one image, h and w its own.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from codec.entropy.range_coder import RangeCoder
from codec.entropy.symbol_streams import SymbolStream
from codec.parts.tile_loop import Tiling


class TiledModel(Protocol):
    """One weights file of a family, resident on a device: what a family gives. Everything runs in inference mode."""

    @property
    def digest(self) -> bytes:
        """First 8 bytes of the sha256 of its weights file."""
        ...

    @property
    def file(self) -> bytes:
        """The weights file."""
        ...

    @property
    def coder(self) -> RangeCoder:
        """Its frequency tables, ready."""
        ...

    @property
    def analysis(self) -> Tiling:
        """How `analyse` runs in tiles."""
        ...

    @property
    def synthesis(self) -> Tiling:
        """How `synthesise` runs in tiles; on the same grid."""
        ...

    @property
    def multiple(self) -> int:
        """What h and w of analysed latents are rounded up to."""
        ...

    @property
    def channels(self) -> int:
        """C of the latents."""
        ...

    def num_symbols(self, width: int, height: int) -> int:
        """How many symbols an image of so many pixels has."""
        ...

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, h, w)."""
        ...

    def symbols(
        self, grid: tuple[int, int], sixteenths: int, stream: SymbolStream, y_hwC: Tensor | None
    ) -> Tensor:
        """Pass every symbol of an image through a stream, in the order of coding.

        Args:
            grid: (h, w) of the latents that are coded.
            sixteenths: quality in sixteenths of a level.
            stream: writer, counter or reader.
            y_hwC: latents to encode, float16, h and w those of the grid rounded up to `multiple`; None to decode.
        Returns:
            y_hat, (h, w, C) float32, as a decoder has it. Nobody looks at it when latents were given.
        Raises:
            BitstreamError: the stream is a reader and does not hold these symbols.
        """
        ...

    def synthesise(self, y_BChw: Tensor, quality_B: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W)."""
        ...
