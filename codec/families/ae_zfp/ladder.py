"""Which model and which quantiser step serve a quality."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from codec.contract import QUALITIES
from codec.families.ae_zfp.weights import FamilyIndex, Weights

NO_NUMBER: Final = 255
"""In payloads, of a model that is none of the index."""
_COARSEST: Final = 0.346
_FINEST: Final = 0.0303
"""Steps of the lowest and the highest quality of a model that serves all of them: about those of the shipped index."""
_HIGHEST: Final = QUALITIES.stop - 1


class Ladder(Protocol):
    """The qualities of one codec."""

    @property
    def default_quality(self) -> int:
        """Of a run that asks for none."""
        ...

    @property
    def models(self) -> tuple[Weights, ...]:
        """All that it encodes with."""
        ...

    def at(self, quality: float) -> tuple[Weights, float]:
        """Model and step of a quality, 0 to 63."""
        ...

    def number_of(self, weights: Weights) -> int:
        """What payloads call a model."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedLadder:
    """Several presets, each for some of the qualities, as an index says."""

    index: FamilyIndex
    presets: Mapping[str, Weights]

    @property
    def default_quality(self) -> int:
        """Where 25x is met."""
        return self.index.preset_quality["25x"]

    @property
    def models(self) -> tuple[Weights, ...]:
        """Those of the index, in its order."""
        return tuple(self.presets[name] for name in self.index.presets)

    def at(self, quality: float) -> tuple[Weights, float]:
        """Between two levels of one preset the step is interpolated."""
        below = self.index.qualities[int(quality)]
        above = self.index.qualities[min(int(quality) + 1, _HIGHEST)]
        share = quality - int(quality)
        if above.preset != below.preset:
            nearest = below if share < 0.5 else above
            return self.presets[nearest.preset], nearest.step
        return self.presets[below.preset], below.step ** (1.0 - share) * above.step**share

    def number_of(self, weights: Weights) -> int:
        """Its place in the index."""
        return self.index.presets.index(weights.config.preset)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OwnLadder:
    """One model for all qualities: its step grows geometrically, whatever ratio it was trained for."""

    own: Weights

    @property
    def default_quality(self) -> int:
        """Where its step is about the one that it was trained around."""
        share = math.log(self.own.config.quantiser.step / _COARSEST) / math.log(_FINEST / _COARSEST)
        return round(min(1.0, max(0.0, share)) * _HIGHEST)

    @property
    def models(self) -> tuple[Weights, ...]:
        """The one."""
        return (self.own,)

    def at(self, quality: float) -> tuple[Weights, float]:
        """Its step at a quality."""
        return self.own, _COARSEST * math.pow(_FINEST / _COARSEST, quality / _HIGHEST)

    def number_of(self, weights: Weights) -> int:
        """None."""
        del weights
        return NO_NUMBER
