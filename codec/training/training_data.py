"""A run's images: those it trains on, and those it is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codec.contract import RGB
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingData:
    """What a run is given, parted as its config says."""

    crops: Crops
    """Those trained on."""
    measured: list[RGB]
    """Those held back that evaluations are made on."""
    kinds: Mapping[str, Sequence[RGB]]
    """Those that evaluations are made on apart, by their kind."""

    @classmethod
    def of(cls, crops: Crops, kinds: Mapping[str, Sequence[RGB]], config: TrainConfig) -> TrainingData:
        """Hold back what the config says.

        Raises:
            TrainingError: the crops are those of a single photograph.
        """
        trained_on, held_back = crops.split(config.held_back)
        return cls(crops=trained_on, measured=held_back.spread(config.evaluate_crops), kinds=kinds)
