"""What a codec family brings to its training; the loop (`trainer.py`) brings everything else.

A recipe holds its config and the little state that training changes outside the weights. The model itself, its
average and the optimiser belong to the loop, which hands them over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from torch import Tensor, nn

from codec.contract import RGB
from codec.training.image_crops import Crops

ModelT = TypeVar("ModelT", bound=nn.Module)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParameterGroup:
    """Parameters that learn at one pace."""

    parameters: list[nn.Parameter]
    scale: float = 1.0
    """Of the run's learning rate."""
    decays: bool = True
    """Whether weight decay applies."""
    rival: bool = False
    """Whether they are a second player's, and learn from `BatchLoss.rival`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchLoss:
    """One batch's objective."""

    total: Tensor
    """Scalar, with its gradient."""
    parts: dict[str, Tensor]
    """Scalars for the log, detached: `mse`, and `bpp` where bytes are trained."""
    rival: Tensor | None = None
    """What a second player learns from, such as a critic that tells decoded pictures from originals: a scalar, with its
    gradient. No gradient of one player's objective reaches the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPoint:
    """What the averaged weights reach at one setting, on held-back crops."""

    label: str
    """A file name's worth: `q34`, `25x`."""
    bpp: float
    psnr_db: float
    """Mean over images, on rounded 8-bit RGB."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """The averaged weights on held-back crops."""

    points: tuple[EvaluationPoint, ...]
    """Smallest files first."""
    facts: dict[str, float]
    """Further numbers for the log."""
    shown: tuple[RGB, ...] = field(default=(), repr=False)
    """The first held-back crop, decoded, at every point."""


class Recipe(Protocol[ModelT]):
    """One family's part of a run on one device."""

    def build(self) -> ModelT:
        """A model of the config's shape, on the device, not yet begun."""
        ...

    def begin(self, model: ModelT, crops: Crops, held_back: Sequence[RGB], start_from: Path | None) -> None:
        """Give the model its first weights: a transform fitted to the crops, or what fits of a weights file.

        Raises:
            WeightsError: `start_from` cannot be used.
        """
        ...

    def shipped(self) -> Path:
        """The shipped weights that `start_from: shipped` means for this config."""
        ...

    def groups(self, model: ModelT) -> list[ParameterGroup]:
        """Every parameter of the model that learns, once."""
        ...

    def loss(self, model: ModelT, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """The objective of a batch of patches in [0, 1]; whatever is drawn comes from `chance`, and several
        threads may ask at once."""
        ...

    def evaluate(self, model: ModelT, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        """Measure the averaged weights when a fraction of the run is over, 0 to 1. May move the recipe's state."""
        ...

    def export(self, model: ModelT, record: dict[str, object], crops: Crops) -> bytes:
        """The weights file of the averaged weights, with `record` (how they came to be) inside.

        What is fitted at the end is fitted to `crops`, those trained on, never to those held back.
        """
        ...

    def state(self) -> dict[str, object]:
        """What a checkpoint must hold of the recipe, as plain JSON values."""
        ...

    def restore(self, state: dict[str, object]) -> None:
        """Take back what `state` gave."""
        ...


@runtime_checkable
class FollowsTheRun(Protocol):
    """A recipe whose objective changes in the course of a run."""

    def reach(self, fraction_done: float) -> None:
        """Hear before each step how much of the run is over, 0 to 1."""
        ...
