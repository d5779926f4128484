"""What a layer's parameters hold before they are trained, or before weights are put in their place."""

from __future__ import annotations

from torch import Tensor, nn


def zero(parameter: Tensor | None) -> None:
    """Start a layer's weight or bias at zero."""
    if parameter is not None:
        nn.init.zeros_(parameter)


def draw(parameter: Tensor, *, std: float) -> None:
    """Start a layer's weight at random, around zero.

    One without memory, of a model that waits for its weights, is left alone: to draw it, PyTorch would load its
    compiler, which takes longer than all the rest of loading a codec.
    """
    if not parameter.is_meta:
        nn.init.normal_(parameter, std=std)
