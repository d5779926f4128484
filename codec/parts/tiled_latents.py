"""The latents of payloads of tiled models, from the envelope to what a decoder takes: what comes before the walk over
them, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from codec.bitstream import Envelope
from codec.entropy.range_coder import MAX_VARINT
from codec.entropy.symbol_streams import SymbolReader, SymbolStream, split_streams
from codec.errors import BitstreamError
from codec.importance_map import Steps
from codec.parts.coded_steps import pass_steps
from codec.parts.image_quality import ImageQuality, QualityGrid
from codec.parts.tile_loop import latent_grid
from codec.parts.tiled_model import TiledModel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TiledLatents:
    """What the reader of a tiled codec gives."""

    y_hwC: Tensor
    """y_hat, float32, on the codec's device."""
    envelope: Envelope
    """The payload that they were read from."""
    qualities: QualityGrid
    """Of every latent."""

    @property
    def sixteenths(self) -> int:
        """Quality in sixteenths of a level, where no importance map says otherwise."""
        return self.envelope.sixteenths

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        return self.envelope.width

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        return self.envelope.height

    @property
    def weights_digest(self) -> bytes:
        """Of the model that made the payload."""
        return self.envelope.weights_digest

    @property
    def symbols_crc32(self) -> int:
        """As the payload says."""
        return self.envelope.symbols_crc32

    def y_hat(self) -> npt.NDArray[np.float32]:
        """(C, h, w)."""
        return np.ascontiguousarray(self.y_hwC.permute(2, 0, 1).cpu().numpy())

    def tile(self, rows: slice, columns: slice) -> Tensor:
        """Those of some rows and columns, (1, C, h, w), the same memory."""
        return self.y_hwC[rows, columns].permute(2, 0, 1)[None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Begun:
    """Payloads of one grid and one model, of which all is read that comes before their latents."""

    reader: SymbolReader
    """Of all of them; the maps have passed it."""
    grid: tuple[int, int]
    """(h, w) of their latents."""
    qualities: Sequence[ImageQuality]
    """Each payload's."""
    multiple: int
    """Latents of a block of an importance map, each way."""


def begun(envelopes: Sequence[Envelope], model: TiledModel) -> Begun:
    """Read the importance maps of payloads of one grid and one order of tables, which all of them have or none.

    Raises:
        BitstreamError: a payload does not hold a stream, or not the map that it announces.
    """
    first = envelopes[0]
    streams = [_streams(envelope, model) for envelope in envelopes]
    reader = SymbolReader(model.coder, streams, wide_first=first.wide_first)
    grid = latent_grid(first.height, first.width, model.synthesis.grid)
    qualities = qualities_of(envelopes, model, grid, reader)
    return Begun(reader=reader, grid=grid, qualities=qualities, multiple=model.multiple)


def qualities_of(
    envelopes: Sequence[Envelope], model: TiledModel, grid: tuple[int, int], stream: SymbolStream
) -> list[ImageQuality]:
    """The qualities of payloads, with the maps that a stream begins with.

    Raises:
        BitstreamError: the stream is a reader, and does not hold the maps that the payloads announce.
    """
    tables = [one.map_table for one in envelopes if one.map_table is not None]
    maps: Sequence[Steps | None] = [None] * len(envelopes)
    if tables:
        maps = pass_steps(stream, tables, latent_grid(*grid, model.multiple), None)
    return [
        ImageQuality(sixteenths=envelope.sixteenths, steps_uv=steps_uv)
        for envelope, steps_uv in zip(envelopes, maps, strict=True)
    ]


def finished(envelopes: Sequence[Envelope], start: Begun, y_BhwC: Tensor) -> list[TiledLatents]:
    """The latents of payloads, all of whose symbols were read: these are compared with what was encoded.

    Args:
        envelopes: of the payloads.
        start: what `begun` gave for them.
        y_BhwC: y_hat of all of them.
    Raises:
        BitstreamError: a payload holds more than its symbols, or its symbols are not those encoded.
    """
    start.reader.finish()
    for envelope, crc32 in zip(envelopes, start.reader.crc32s, strict=True):
        if crc32 != envelope.symbols_crc32:
            raise BitstreamError(
                f"expected symbols with checksum {envelope.symbols_crc32:08x}, got {crc32:08x}: the payload is "
                "damaged, or this machine decodes differently; please report the latter"
            )
    return [
        TiledLatents(
            y_hwC=y_hwC,
            envelope=envelope,
            qualities=QualityGrid.of([quality], multiple=start.multiple, device=y_BhwC.device),
        )
        for y_hwC, envelope, quality in zip(y_BhwC, envelopes, start.qualities, strict=True)
    ]


def _streams(envelope: Envelope, model: TiledModel) -> tuple[bytes, bytes]:
    """(words, escapes) of a payload: no more escapes than its image has symbols."""
    words, escapes = split_streams(envelope.body)
    most = MAX_VARINT * model.num_symbols(envelope.width, envelope.height)
    if envelope.map_table is not None:
        grid = latent_grid(envelope.height, envelope.width, model.synthesis.grid, multiple=model.multiple)
        most += MAX_VARINT * grid[0] * grid[1]
    if len(escapes) > most:
        raise BitstreamError(
            f"a payload of {envelope.width} x {envelope.height} pixels has {len(escapes)} bytes of escapes, expected "
            f"at most {most}"
        )
    return words, escapes
