"""The smallest change of latents that leads their hyper-latents to those of a payload.

Latents that were rounded are less busy than those that were not, and hyper-latents say how busy latents are: so a
decoded picture's hyper-latents are others than its payload's. The change is that of least length, in quantiser steps,
which to first order brings each hyper-latent within reach of what it is to be rounded to:

    J D J' l = e        by conjugate gradients, where J is the hyper-analysis' derivative, D squared steps,
    y <- y - D J' l     and e how far hyper-latents lie beyond that reach

Shape legend: y_1Mhw latents of a tile, h and w multiples of 4; z_1Nuv hyper-latents, not rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

REACH: Final = 0.46
"""Of 0.5, within which a hyper-latent is rounded to the one that is wanted."""
_AIM: Final = 0.4
"""How near those are led that lie beyond."""
_ITERATIONS: Final = 3
_DAMPING: Final = 0.02
_PROBE: Final = 0.01
"""By how many steps at most latents are moved to see what that does."""
_LEAST: Final = 1e-20


def hyper_step(
    hyper_analysis: Callable[[Tensor], Tensor], y_1Mhw: Tensor, wanted_1Nuv: Tensor, gain: Tensor
) -> Tensor:
    """Latents whose hyper-latents are nearer to those wanted, (1, M, h, w).

    Args:
        hyper_analysis: (1, M, h, w) -> (1, N, u, v), with its gradient.
        y_1Mhw: latents.
        wanted_1Nuv: whole numbers; NaN where any will do.
        gain: quantiser steps per unit of a latent, broadcast to them.
    """
    with torch.inference_mode(False), torch.enable_grad():  # whatever is in force around it
        begun_1Mhw = y_1Mhw.clone().requires_grad_()
        z_1Nuv = hyper_analysis(begun_1Mhw)
    error_1Nuv = torch.nan_to_num(z_1Nuv.detach() - wanted_1Nuv)
    is_beyond_1Nuv = (error_1Nuv.abs() > REACH).float()
    if not is_beyond_1Nuv.any():
        return y_1Mhw
    beyond_1Nuv = error_1Nuv.sign() * (error_1Nuv.abs() - _AIM) * is_beyond_1Nuv

    def back(l_1Nuv: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(z_1Nuv, begun_1Mhw, l_1Nuv * is_beyond_1Nuv, retain_graph=True)
        return gradient / gain.square()

    def there_and_back(l_1Nuv: Tensor) -> Tensor:
        change_1Mhw = back(l_1Nuv)
        share = _PROBE / (change_1Mhw * gain).abs().max().clamp_min(_LEAST)
        with torch.no_grad():
            moved_1Nuv = (hyper_analysis(y_1Mhw + share * change_1Mhw) - z_1Nuv) / share
        return moved_1Nuv * is_beyond_1Nuv + _DAMPING * l_1Nuv

    return y_1Mhw - back(_solved(there_and_back, beyond_1Nuv))


def _solved(product: Callable[[Tensor], Tensor], right: Tensor) -> Tensor:
    """About what a symmetric, positive `product` makes `right` of: conjugate gradients."""
    found, residual = torch.zeros_like(right), right.clone()
    direction, length = residual, residual.square().sum()
    for _ in range(_ITERATIONS):
        image = product(direction)
        share = length / (direction * image).sum().clamp_min(_LEAST)
        found = found + share * direction
        residual = residual - share * image
        before, length = length, residual.square().sum()
        direction = residual + length / before.clamp_min(_LEAST) * direction
    return found
