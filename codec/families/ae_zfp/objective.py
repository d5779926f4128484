"""The training objective: distortion after real quantisation, and a differentiable estimate of ZFP's bits.

Quantisation in the loop is exactly what ships: ZFP is lossless on our integers (see `zfp.py`), so the
noise it leaves is that of the rounding before it, applied here with a straight-through gradient.

Shape legend: x_BCHW pixels; y_BChw latents; v_BChw latents over their step; B one value per patch.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from codec.colour import rgb_to_ycbcr, ycbcr_to_rgb
from codec.families.ae_zfp.config import GRID
from codec.families.ae_zfp.model import AutoEncoder
from codec.families.ae_zfp.quantise import quantise
from codec.families.ae_zfp.train_config import LossConfig
from codec.families.ae_zfp.zfp import BAND
from codec.training.losses import distortion
from codec.training.recipe import BatchLoss

_KNEE = 0.6
"""Where a magnitude begins to cost: about the edge of the dead zone."""
_OWN_SHARE = 0.3
"""Share of the rate that is each coefficient's own, the rest being that of the run it lies in."""


def objective(
    model: AutoEncoder,
    rgb_BCHW: Tensor,
    step_B: Tensor,
    nominal_step: float,
    slow: tuple[int, ...],
    config: LossConfig,
    *,
    bfloat16: bool = False,
) -> BatchLoss:
    """Loss of one batch of RGB patches in [0, 1], each quantised with its own step.

    The part `bpp` is an estimate that follows the real rate and is not equal to it.
    """
    x_BCHW = rgb_to_ycbcr(rgb_BCHW)
    reduced = torch.autocast(
        x_BCHW.device.type, torch.bfloat16, enabled=bfloat16
    )  # the networks, never colours
    with reduced:
        y_BChw = model.analyse(x_BCHW)
    steps = step_B.view(-1, 1, 1, 1)
    rounded = quantise(y_BChw.detach(), steps, config.dead_zone) * steps
    through_BChw = y_BChw + (rounded - y_BChw).detach()
    with reduced:
        x_hat_BCHW = model.synthesise(through_BChw, torch.log2(step_B / nominal_step))
    decoded_BCHW = ycbcr_to_rgb(x_hat_BCHW)
    mse_B = (decoded_BCHW - rgb_BCHW).square().mean((1, 2, 3))
    bits_B = estimate_bits(y_BChw / steps, slow) / (GRID * GRID)
    distortion_B = _distortion(decoded_BCHW, rgb_BCHW, mse_B, config) / step_B.square()
    total = (distortion_B + config.rate_weight * bits_B).mean()
    return BatchLoss(total=total, parts={"mse": mse_B.detach().mean(), "bpp": bits_B.detach().mean()})


def _distortion(decoded_BCHW: Tensor, rgb_BCHW: Tensor, mse_B: Tensor, config: LossConfig) -> Tensor:
    """On the scale of the squared error, (B,)."""
    if config.objective is not None:
        return distortion(config.objective, decoded_BCHW, rgb_BCHW)
    if config.ssim_share == 0.0:
        return mse_B
    unlike_B = 1.0 - _luma_ssim(rgb_BCHW, decoded_BCHW)
    balance_B = mse_B.detach() / unlike_B.detach().clamp_min(1e-4)
    return (1.0 - config.ssim_share) * mse_B + config.ssim_share * balance_B * unlike_B


def estimate_bits(v_BChw: Tensor, slow: tuple[int, ...]) -> Tensor:
    """About how many bits ZFP spends on a latent position, (B,).

    ZFP writes, plane by plane, everything up to the last coefficient significant so far: what a coefficient
    costs follows the largest magnitude at or after it in its block.
    """
    if slow:
        columns = list(slow)
        mask = torch.zeros(v_BChw.shape[1], device=v_BChw.device)
        mask[columns] = 1.0
        left = functional.pad(v_BChw[..., :-1], (1, 0)) * mask.view(1, -1, 1, 1)
        v_BChw = v_BChw - left
    magnitude = v_BChw.abs()
    bits = _OWN_SHARE * _bits(magnitude).sum(1)
    for first in range(0, magnitude.shape[1], BAND):
        band = magnitude[:, first : first + BAND]
        ahead = band.flip(1).cummax(1).values
        bits = bits + (1.0 - _OWN_SHARE) * _bits(ahead).sum(1)
    return bits.mean((1, 2))


def _bits(magnitude: Tensor) -> Tensor:
    return 0.7213 * torch.log1p((magnitude / _KNEE).square())


def _luma_ssim(a_BCHW: Tensor, b_BCHW: Tensor) -> Tensor:
    """Mean SSIM of luma over overlapping 8x8 boxes, (B,): a cheap stand-in for the Gaussian window."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=a_BCHW.device).view(1, 3, 1, 1)
    a, b = ((image * weights).sum(1, keepdim=True) for image in (a_BCHW, b_BCHW))
    maps = functional.avg_pool2d(torch.cat((a, b, a * a + b * b, a * b), 1), 8, stride=4)
    mean_a, mean_b, squares, product = maps.unbind(1)
    means = mean_a * mean_b
    energy = mean_a.square() + mean_b.square()
    luminance = (2.0 * means + 1e-4) / (energy + 1e-4)
    structure = (2.0 * (product - means) + 9e-4) / (squares - energy + 9e-4)
    return (luminance * structure).mean((1, 2))
