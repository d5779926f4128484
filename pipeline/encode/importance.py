"""Where bits matter in the images of a run: what their content says, or grey maps that lie beside them.

A map that is missing or broken stops nothing: its image is encoded as usual, and its row says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

import numpy as np

from codec.importance_map import GreyMap, automatic_map
from pipeline.config import AUTO
from pipeline.encode.map_files import MapFiles
from pipeline.errors import StorageError, StoreDownError
from pipeline.image.read import ReadLimits, read_image, to_rgb
from pipeline.store.options import StorageOptions
from pipeline.types import Image

FROM_MAP: Final = "map"
MISSING: Final = "missing"
BROKEN: Final = "broken"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Importance:
    """Of one image."""

    grey: GreyMap | None
    """None where bits are spread as usual, because a map is missing or broken."""
    origin: str
    """What its row says: `auto`, `map`, `missing`, or `broken: ` and what is wrong with it."""
    version: str | None = None
    """Of the map's file, read or broken; None where there is none, or its store tells no version."""

    @property
    def identity(self) -> Hashable:
        """What equal files must share of it to be stored alike."""
        if self.grey is None:
            return self.origin
        return self.origin, self.grey.shape, hashlib.sha256(self.grey.tobytes()).digest()

    def of_middle(self, part: float) -> GreyMap | None:
        """The map of the middle of the image, of `part` of its pixels."""
        if self.grey is None or part >= 1:
            return self.grey
        rows, columns = (max(1, round(side * part**0.5)) for side in self.grey.shape)
        top, left = (self.grey.shape[0] - rows) // 2, (self.grey.shape[1] - columns) // 2
        return self.grey[top : top + rows, left : left + columns]


class ImportanceMaps:
    """Gives the map of every image of a run. For several threads."""

    def __init__(self, asked: str | None, storage: StorageOptions, limits: ReadLimits) -> None:
        """Open nothing yet.

        Args:
            asked: None, `auto`, or where maps lie: a path or URL with `{key}` or `{stem}` in it.
            storage: how to reach them.
            limits: what may be decoded of one.
        """
        self._asked, self._limits = asked, limits
        self._files = None if asked in (None, AUTO) else MapFiles(asked, storage)

    def of(self, key: str, image: Image) -> Importance | None:
        """The map of an image; None where none is asked for.

        Raises:
            StoreDownError: the store of the maps is out of reach.
        """
        if self._asked is None:
            return None
        if self._files is None:
            return Importance(grey=automatic_map(to_rgb(image)), origin=AUTO)
        name, version = self._files.name_of(key), None
        try:
            version = self._files.version(
                name
            )  # before its bytes: what changes in between is seen by the next run
            data = self._files.read(name)
        except FileNotFoundError:
            return Importance(grey=None, origin=MISSING)
        except StoreDownError:
            raise
        except (StorageError, OSError) as error:
            return Importance(
                grey=None, origin=f"{BROKEN}: {name} could not be read: {error}", version=version
            )
        found = read_image(data, limits=self._limits)
        if not isinstance(found, Image):
            return Importance(grey=None, origin=f"{BROKEN}: {name}: {found.reason}", version=version)
        return Importance(grey=_grey(found), origin=FROM_MAP, version=version)


def _grey(image: Image) -> GreyMap:
    """One channel, though a map was stored with three."""
    grey: GreyMap = np.rint(image.pixels.mean(2)).astype(np.uint8)
    return grey
