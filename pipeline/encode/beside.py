"""Where bits matter in an image, and what it shows: what encoders are told beside its pixels."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from codec.contract import EncodeOptions
from codec.image_words import words_in
from codec.importance_map import GreyMap, automatic_map
from pipeline.config import AUTO, CompressConfig
from pipeline.encode.sidecars import NOT_ASKED, Sidecar, Sidecars
from pipeline.image.read import ReadLimits, read_image, to_rgb
from pipeline.types import Image

_MAP: Final = "map"
_TEXT: Final = "text"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beside:
    """Of one image."""

    importance: Sidecar[GreyMap] = NOT_ASKED
    words: Sidecar[str] = NOT_ASKED

    @property
    def identity(self) -> Hashable:
        """What equal images must share of it to be stored alike."""
        return self.importance.identity, self.words.identity

    @property
    def origins(self) -> dict[str, Any]:
        """What the row says of it."""
        return {"importance": self.importance.origin, "words": self.words.origin}

    @property
    def versions(self) -> dict[str, Any]:
        """Which files the row says that it follows."""
        return {"importance_version": self.importance.version, "words_version": self.words.version}

    def options(self, quality: float, *, effort: int = 0) -> EncodeOptions:
        """What an encoder is told."""
        return EncodeOptions(
            quality=quality, effort=effort, importance=self.importance.told, words=self.words.told
        )

    def of_middle(self, part: float) -> Beside:
        """What lies beside the middle of the image, of `part` of its pixels."""
        grey = self.importance.told
        if grey is None or part >= 1:
            return self
        rows, columns = (max(1, round(side * part**0.5)) for side in grey.shape)
        top, left = (grey.shape[0] - rows) // 2, (grey.shape[1] - columns) // 2
        middle = grey[top : top + rows, left : left + columns]
        return replace(self, importance=replace(self.importance, told=middle))


NOTHING: Final = Beside()
"""Where nothing is asked for."""


class BesideImages:
    """Gives what lies beside every image of a run. For several threads."""

    def __init__(self, config: CompressConfig, limits: ReadLimits) -> None:
        """Open nothing yet.

        Args:
            config: of the run.
            limits: what may be decoded of a map.
        """
        asked, storage = config.codec, config.reading
        self._limits = limits
        self._is_automatic = asked.importance == AUTO
        self._maps = self._words = None
        if asked.importance is not None and not self._is_automatic:
            self._maps = Sidecars(asked.importance, storage, self._grey, called=_MAP)
        if asked.words is not None:
            self._words = Sidecars(asked.words, storage, words_in, called=_TEXT)

    def of(self, key: str, image: Image) -> Beside:
        """What lies beside an image.

        Raises:
            StoreDownError: the store of the maps, or that of the texts, is out of reach.
        """
        importance = NOT_ASKED if self._maps is None else self._maps.of(key)
        if self._is_automatic:
            importance = Sidecar(told=automatic_map(to_rgb(image)), origin=AUTO)
        return Beside(importance=importance, words=NOT_ASKED if self._words is None else self._words.of(key))

    def _grey(self, data: bytes) -> GreyMap:
        """One channel, though a map was stored with three."""
        found = read_image(data, limits=self._limits)
        if isinstance(found, Image):
            grey: GreyMap = np.rint(found.pixels.mean(2)).astype(np.uint8)
            return grey
        raise ValueError(found.reason)
