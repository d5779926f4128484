"""A decoder's walk over the latents of images of one grid that stops wherever enough of them are known."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from codec.entropy.symbol_streams import SymbolStream
from codec.families.hyper.latent_coder import LatentCoder


class LatentWalk:
    """Implements `codec.parts.tiled_model.Walk`."""

    def __init__(self, coder: LatentCoder, grid: tuple[int, int], stream: SymbolStream) -> None:
        """Begin, at nothing, to take the latents of a grid out of a stream."""
        self._coder = coder
        self._slices: Iterator[tuple[int, Tensor]] = coder.slices(grid, stream)
        self._coded_channels = 0
        self._latents_BhwM: Tensor | None = None

    def first(self, channels: int) -> Tensor:
        """The first channels of y_hat, (B, h, w, channels).

        Raises:
            BitstreamError: the stream does not hold them.
        """
        return self._coder.dequantised(self._up_to(channels)[..., :channels].clone())

    def finish(self) -> Tensor:
        """All of y_hat, (B, h, w, M): the walk is over.

        Raises:
            BitstreamError: the stream does not hold them.
        """
        return self._coder.dequantised(self._up_to(self._coder.channels))

    def _up_to(self, channels: int) -> Tensor:
        """Latents, (B, h, w, M), of which so many channels are known."""
        while self._latents_BhwM is None or self._coded_channels < channels:
            self._coded_channels, self._latents_BhwM = next(self._slices)
        return self._latents_BhwM
