"""What an item of a dataset shows of its image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from codec.contract import FAITHFUL
from pipeline.decode.decoder_choice import generates
from pipeline.decode.view_size import Region, Size, check_four_numbers, fitted
from pipeline.errors import ConfigError

_LATENT_BYTES_PER_PIXEL: Final = 6
"""Of all channels, about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemForm:
    """Pixels, or latents."""

    size: Size | None = None
    """The longer side at most, or a box; None for every pixel."""
    region: Region | None = None
    """(left, top, width, height) as stored; None for all of it."""
    latents: bool | int = False
    """Whether latents instead of pixels, or how many of their channels, the coarsest first."""
    decoder: str = FAITHFUL
    """What shows coded images."""

    def __post_init__(self) -> None:
        """Refuse what no image can be shown in.

        Raises:
            ConfigError: no size or region, or latents of a size, a region or a decoder, or of no channel.
            CodecConfigError: no codec here has such a decoder.
        """
        generates(self.decoder)
        fitted(1, 1, self.size)
        if self.region is not None:
            check_four_numbers(self.region)
        if self.region is not None and (min(self.region[:2]) < 0 or min(self.region[2:]) < 1):
            raise ConfigError(
                f"Expected a region of 1 pixel or more, (left, top, width, height), got {self.region}."
            )
        if self.is_latents and self.decoder != FAITHFUL:
            raise ConfigError(
                f"Expected `latents` without a decoder, which runs over them, got decoder={self.decoder!r}."
            )
        if self.is_latents and (self.size is not None or self.region is not None):
            raise ConfigError(
                f"Expected `latents` of whole images, got size={self.size} and region={self.region} beside it. Leave "
                "them out, and cut the latents instead."
            )
        if self.latents is not False and self.latents < 1:
            raise ConfigError(f"Expected `latents` to be True or a number of channels, got {self.latents}.")

    @property
    def is_latents(self) -> bool:
        """Whether items hold latents instead of pixels."""
        return self.latents is not False

    @property
    def is_whole(self) -> bool:
        """Whether items hold every pixel of their images."""
        return not self.is_latents and self.size is None and self.region is None

    @property
    def channels(self) -> int | None:
        """How many channels of latents; None for all."""
        return None if self.latents is True else int(self.latents)

    def item_bytes(
        self, widths: npt.NDArray[np.int64], heights: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """Memory of what is shown of images of these sizes, about; of a region at most."""
        if self.is_latents:
            return widths * heights * _LATENT_BYTES_PER_PIXEL
        across, down = self.size if isinstance(self.size, tuple) else (self.size, self.size)
        shown_across, shown_down = (
            sides if most is None else np.minimum(sides, most)
            for sides, most in ((widths, across), (heights, down))
        )
        return 3 * shown_across * shown_down

    @property
    def name(self) -> str:
        """What the item of an image is called in it."""
        return "latents" if self.is_latents else "image"
