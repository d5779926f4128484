"""What is fitted when a model is written: the counts that its contexts begin with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from codec.contract import RGB
from codec.entropy.adaptive_bits import BitTally, Counts
from codec.families.recurrent.contexts import PER_ITERATION
from codec.families.recurrent.levels import level_of
from codec.families.recurrent.model import RecurrentModel
from codec.families.recurrent.tiles import encoded


def fit_counts(model: RecurrentModel, images: Sequence[RGB], device: torch.device) -> Counts:
    """Counts that contexts begin with: of images at qualities from low to high."""
    tally = BitTally(model.config.iterations * PER_ITERATION)
    qualities = np.linspace(20.0, 63.0, len(images))
    levels = [level_of(float(quality), model.config) for quality in qualities]
    for symbols in encoded(model, images, levels, device):
        symbols.tally(model.active_T.tolist(), tally)
    return tally.table()
