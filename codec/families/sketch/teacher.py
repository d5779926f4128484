"""Who says in training what pictures show: EfficientNet-Lite0, whose first labels of a patch are its words.

Shape legend: rgb_BCHW in [0, 1]; K classes, V places of words.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from codec.families.sketch.words import places_of
from codec.perception.class_names import class_names
from codec.perception.inverted_residuals import LITE0, load_classifier

_SIDE: Final = 160
"""Pixels of what it looks at, each way."""
_LABELS: Final = 3
"""Of a patch."""
_TOLD: Final = 0.75
"""Share of patches of which it says something: a decoder must do without, too."""


class Teacher:
    """Says what originals show."""

    def __init__(self, device: torch.device) -> None:
        """Load it.

        Raises:
            WeightsError: its package is not installed.
        """
        self._network = load_classifier(LITE0).to(device)
        self._places_KV = torch.stack([places_of(name) for name in class_names()]).to(device)

    def words_of(self, rgb_BCHW: Tensor, chance: np.random.Generator) -> Tensor:
        """(B, V): the words of each patch, as `Sketch.told` has those of an image."""
        with torch.no_grad():
            seen_BCHW = functional.interpolate(rgb_BCHW, size=(_SIDE, _SIDE), mode="bilinear", antialias=True)
            top_Bk = self._network.logits(self._network(seen_BCHW)).topk(_LABELS).indices
        is_told_B1 = torch.from_numpy(chance.random((len(rgb_BCHW), 1)) < _TOLD).to(rgb_BCHW.device)
        return self._places_KV[top_Bk].mean(1) * is_told_B1
