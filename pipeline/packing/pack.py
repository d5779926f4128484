"""The smallest packing of a file or of pixels, seen to unpack to what went in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import numpy as np

from pipeline.packing.pixels import Pixels
from pipeline.packing.registry import FILE_PACKINGS, PIXEL_PACKINGS

_PAYS: Final = 0.98
"""A packed file has at most this share of its bytes, or is stored as it is."""
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A payload, and how it is packed."""

    packing: str | None
    """None for a file as it is."""
    payload: bytes


def pack_file(data: bytes, *, without: Collection[str] = ()) -> Packed:
    """A file in the fewest bytes that give back the very same; as it is where no packing pays.

    Args:
        without: packings that are not to be tried.
    """
    made = (
        _made(name, partial(packing.pack, data))
        for name, packing in FILE_PACKINGS.items()
        if packing.pack is not None and name not in without
    )
    found = _smallest(
        made, lambda one: FILE_PACKINGS[str(one.packing)].unpack(one.payload, len(data)) == data
    )
    if found is None or len(found.payload) > _PAYS * len(data):
        return Packed(packing=None, payload=data)
    return found


def pack_pixels(pixels: Pixels, *, thorough: bool) -> Packed | None:
    """Pixels in few bytes that give back the very same; None where no packing takes them.

    Args:
        pixels: (H, W, 3) or (H, W, 1).
        thorough: look harder, which pays for drawings and for nothing else.
    """
    shape = cast(tuple[int, int, int], pixels.shape)
    made = (_made(name, partial(packing.pack, pixels, thorough)) for name, packing in PIXEL_PACKINGS.items())
    return _smallest(
        made,
        lambda one: np.array_equal(PIXEL_PACKINGS[str(one.packing)].unpack(one.payload, shape), pixels),
    )


def _made(name: str, make: Callable[[], bytes | None]) -> Packed | None:
    try:
        payload = make()
    except Exception as error:  # noqa: BLE001 the row boundary: what cannot be packed is stored as it is
        _LOG.warning("packing %s failed: %s: %s", name, type(error).__name__, error)
        return None
    return None if payload is None else Packed(packing=name, payload=payload)


def _smallest(made: Iterable[Packed | None], is_whole: Callable[[Packed], bool]) -> Packed | None:
    """The smallest that gives back what went in; nothing is stored on the word of a library."""
    for one in sorted((one for one in made if one is not None), key=lambda one: len(one.payload)):
        try:
            if is_whole(one):
                return one
        except Exception as error:  # noqa: BLE001 as above
            _LOG.warning("packing %s does not unpack: %s: %s", one.packing, type(error).__name__, error)
    return None
