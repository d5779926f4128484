"""What a family gives of each of its models, so that `tiled_codec.py` can make a codec of them.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents; y_hwC those of one image, h and w its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor

from codec.bitstream import Envelope, pack_envelope, parse_envelope, parse_prefix
from codec.contract import EncodeOptions, Prepared
from codec.entropy.range_coder import RangeCoder
from codec.entropy.symbol_streams import SymbolStream
from codec.importance_map import steps_of
from codec.parts.company import company_on
from codec.parts.image_quality import ImageQuality
from codec.parts.quality import sixteenths_of
from codec.parts.tile_loop import Tiling, latent_grid


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadFormat:
    """How an envelope becomes bytes: new families leave it alone."""

    pack: Callable[[Envelope], bytes] = pack_envelope
    parse: Callable[[bytes], Envelope] = parse_envelope
    """Of a whole payload, whose checksum is compared. Raises BitstreamError."""
    parse_prefix: Callable[[bytes], Envelope] = parse_prefix
    """Of the beginning of one. Raises BitstreamError where the header is not whole."""
    holds_maps: bool = False
    """Whether it can say that an image has an importance map."""
    holds_words: bool = False
    """Whether it has room for the words beside an image."""
    wide_first: bool = False
    """Whether new payloads have the symbols of wide tables first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalysedImage:
    """One image after the analysis transform."""

    y_hwC: Tensor
    """float16, which is off by less than a tenth of the finest step; h and w rounded up to the model's multiple."""
    width: int
    height: int
    side_uvN: Tensor | None = None
    """What `RefinableModel.side` gave when the latents were refined: it is coded as it is, and the latents, which
    are those a decoder will have, are rounded to nearest. None for latents as they were analysed."""


class TiledNetwork(Protocol):
    """What shows latents tile by tile: a model's own synthesis transform, or another network over its latents."""

    @property
    def synthesis(self) -> Tiling:
        """How `synthesise` runs in tiles; its grid is that of the latents."""
        ...

    def synthesise(self, y_BChw: Tensor, quality: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, H, W); qualities are (B,), or those of every latent, (B, h, w), of images with maps:
        `codec.parts.quality.QualityTable.over` takes both."""
        ...


@runtime_checkable
class SampledNetwork(TiledNetwork, Protocol):
    """One that may take noise, and then shows one picture of many: (B, C + noise, h, w) -> (B, 3, H, W)."""

    @property
    def noise(self) -> int:
        """Values behind the latents of a position, as `codec.parts.noise.noise_at` draws them; 0 for none."""
        ...


@runtime_checkable
class AdjustableNetwork(TiledNetwork, Protocol):
    """One that may change the faithful picture in part."""

    def at(self, strength: float) -> TiledNetwork:
        """The same network, by whose picture the faithful one is changed in part: more than 0 and less than 1."""
        ...


@runtime_checkable
class ToldNetwork(TiledNetwork, Protocol):
    """One that may be told what a picture shows."""

    def told(self, words: str | None) -> tuple[Tensor, ...]:
        """What `synthesise` takes of the words beside an image, behind latents and quality, (1, ...) each: nothing of a
        network that takes none; of one that does, as much where nobody says anything."""
        ...


class TiledModel(TiledNetwork, Protocol):
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
        self,
        grid: tuple[int, int],
        qualities: Sequence[ImageQuality],
        stream: SymbolStream,
        images: Sequence[AnalysedImage] | None,
    ) -> Tensor:
        """Pass every symbol of some images of one grid through a stream, in the order of coding.

        Args:
            grid: (h, w) of the latents that are coded.
            qualities: each image's; all of them have maps, of blocks of `multiple` x `multiple` latents, or none.
            stream: writer, counter or reader, of as many images.
            images: what to encode, h and w of their latents those of the grid rounded up to `multiple`, all of them
                refined or none; None to decode.
        Returns:
            y_hat, (B, h, w, C) float32, as a decoder has it. Nobody looks at it when images were given.
        Raises:
            BitstreamError: the stream is a reader and does not hold these symbols.
        """
        ...


@runtime_checkable
class RefinableModel(TiledModel, Protocol):
    """One that can look for better latents of an image, tile by tile. A decoder does not see that it did."""

    @property
    def refinement(self) -> Tiling:
        """How `refine` runs in tiles; its tile and halo are whole multiples of `multiple`."""
        ...

    def side(self, y_hwC: Tensor, quality: ImageQuality) -> Tensor:
        """What is coded before an image's latents, from which these are foreseen: (h / multiple, w / multiple, N).

        Args:
            y_hwC: latents as analysed, h and w multiples of `multiple`.
            quality: at which they will be coded.
        """
        ...

    def refine(
        self,
        x_BCHW: Tensor,
        inside_B1HW: Tensor,
        y_BChw: Tensor,
        side_BNuv: Tensor,
        quality: Tensor,
        *,
        effort: int,
    ) -> Tensor:
        """Search for the latents of tiles.

        Args:
            x_BCHW: the YCbCr pixels that they are to show.
            inside_B1HW: 1 where a pixel is the image's, 0 where it only fills up the grid.
            y_BChw: latents as analysed.
            side_BNuv: of the same tiles, u and v rounded up.
            quality: (B,), or that of every latent, (B, h, w).
            effort: 1 to 3.
        Returns:
            (B, C, h, w): latents that a decoder may have.
        """
        ...


class Walk(Protocol):
    """The latents of images of one grid on their way out of a stream, coarse ones first. It is over after an error,
    and after `finish`."""

    def first(self, channels: int) -> Tensor:
        """The first channels of y_hat, (B, h, w, channels): the walk goes as far as these need, if it has not yet.

        Raises:
            BitstreamError: the stream does not hold them.
        """
        ...

    def finish(self) -> Tensor:
        """All of y_hat, (B, h, w, C), the same as `TiledModel.symbols` gives: the walk is over.

        Raises:
            BitstreamError: the stream does not hold them.
        """
        ...


@runtime_checkable
class ProgressiveModel(TiledModel, Protocol):
    """One whose first latents show a smaller picture by themselves. Its grid is 16."""

    def channels_at(self, denominator: int) -> int:
        """How many latent channels, from the first, show the picture at one over 2, 4, 8 or 16."""
        ...

    def walk(self, grid: tuple[int, int], qualities: Sequence[ImageQuality], stream: SymbolStream) -> Walk:
        """Begin to take the latents of some images of one grid out of a stream.

        Args:
            grid: (h, w) of the latents that are coded.
            qualities: each image's, as for `symbols`.
            stream: a reader of as many images.
        """
        ...

    def synthesise_small(self, y_BChw: Tensor, denominator: int) -> Tensor:
        """The first channels, as many as `channels_at` says, (B, channels, h, w) -> (B, 3, H / denominator, W /
        denominator). What it gives at a position depends on that position alone."""
        ...


def asked_quality(options: EncodeOptions, image: Prepared, model: TiledModel) -> ImageQuality:
    """At which an image is to be coded."""
    steps_uv = None
    if options.importance is not None:
        block = model.analysis.grid * model.multiple
        steps_uv = steps_of(options.importance, width=image.width, height=image.height, block=block)
    return ImageQuality(sixteenths=sixteenths_of(options.quality), steps_uv=steps_uv)


def most_together(model: TiledModel, grid: tuple[int, int]) -> int:
    """How many images of a latent grid a model takes at a time."""
    height, width = latent_grid(*grid, 1, multiple=model.multiple)
    return company_on(model.analysis.device).images_of((height, width))
