"""The steps of importance maps as the first symbols of payloads: each as the difference from the step on its left.

The first of a row differs from the one above it, the first of all from zero. All differences of a map are coded with
one table, which the payload names: the model's own tables serve, as those of any other symbol.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from codec.entropy.range_coder import RangeCoder
from codec.entropy.symbol_streams import SymbolStream
from codec.entropy.tables import SILENT, TABLES
from codec.errors import BitstreamError
from codec.importance_map import MOST_STEPS, Steps


def shortest_table(coder: RangeCoder, steps_uv: Steps) -> int:
    """The table that codes a map in the fewest bits."""
    tables = np.arange(SILENT, TABLES, dtype=np.uint8)
    wanted_n = _differences(steps_uv).ravel()
    indices = np.repeat(tables[:, None], len(wanted_n), axis=1)
    bits = coder.cost_bits(np.broadcast_to(wanted_n, indices.shape).copy(), indices)
    return int(tables[int(np.argmin(bits))])


def pass_steps(
    stream: SymbolStream, tables: Sequence[int], shape: tuple[int, int], maps: Sequence[Steps] | None
) -> list[Steps]:
    """The maps of images, through a stream or out of it.

    Args:
        stream: of as many images; nothing has passed it.
        tables: that each map is coded with.
        shape: (u, v) of all maps.
        maps: to write; None to read.
    Raises:
        BitstreamError: the stream is a reader, and does not hold maps.
    """
    wanted = None if maps is None else np.stack([_differences(steps_uv).ravel() for steps_uv in maps])
    indices = np.repeat(np.array(tables, np.uint8)[:, None], shape[0] * shape[1], axis=1)
    found = stream.group(wanted, indices)
    return [_restored(differences.reshape(shape)) for differences in found]


def _differences(steps_uv: Steps) -> npt.NDArray[np.int16]:
    differences = steps_uv.astype(np.int16)
    differences[:, 1:] -= steps_uv[:, :-1]
    differences[1:, 0] -= steps_uv[:-1, 0]
    return differences


def _restored(differences_uv: npt.NDArray[np.int16]) -> Steps:
    """Maps of what `_differences` gives.

    Raises:
        BitstreamError: no map gives that.
    """
    whole = differences_uv.astype(np.int64)
    whole[:, 0] = np.cumsum(whole[:, 0])
    steps_uv: Steps = np.cumsum(whole, axis=1)
    if (largest := int(np.abs(steps_uv).max())) > MOST_STEPS:
        raise BitstreamError(
            f"expected an importance map of up to {MOST_STEPS} steps, got {largest}: damaged"
        )
    return steps_uv.astype(np.int8)
