"""What a model is trained to keep of a picture: squared error, structural similarity, or both.

Every objective gives one number per picture, on the scale of the mean squared error, so that a family weighs it against
its rate as it weighs the squared error. Reports measure with `codec/metrics.py`; this is its differentiable twin, which
takes patches too small for five scales (`pytorch-msssim` refuses sides under 161 pixels).

Shape legend: x_BCHW pixels in [0, 1]; B one value per picture; p = 4 C planes that one window is moved over.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from codec.training.config import Objective

SSIM_IN_MSE: Final = 0.02
"""What all of SSIM (from 1 to 0) is worth in squared error: the two weights that CompressAI trains its models of equal
rate with differ by about 50 (arXiv:2011.03029)."""
SSIM_SHARE: Final = 0.5
"""Of the mixed objective."""
COLOUR_SIDE: Final = 16
"""Pixels a side of the areas whose mean colour an SSIM run must keep."""
_WINDOW: Final = 11
_SIGMA: Final = 1.5
_C1: Final = 0.01**2
_C2: Final = 0.03**2
_SCALE_WEIGHTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_LEAST_SCORE: Final = 0.01


def distortion(
    objective: Objective, decoded_BCHW: Tensor, original_BCHW: Tensor, *, scales: int | None = None
) -> Tensor:
    """What an objective holds against decoded pictures, (B,): 0 where they equal the originals.

    Args:
        scales: of SSIM, as `ssim` takes them.
    """
    if objective == "mse":
        return mse(decoded_BCHW, original_BCHW)
    structure_B = SSIM_IN_MSE * (1.0 - ssim(decoded_BCHW, original_BCHW, scales=scales))
    if objective == "ssim":
        return structure_B + mean_colour(decoded_BCHW, original_BCHW)
    return SSIM_SHARE * structure_B + (1.0 - SSIM_SHARE) * mse(decoded_BCHW, original_BCHW)


def mse(decoded_BCHW: Tensor, original_BCHW: Tensor) -> Tensor:
    """Mean squared error over all samples, (B,)."""
    return (decoded_BCHW - original_BCHW).square().mean((1, 2, 3))


def mean_colour(decoded_BCHW: Tensor, original_BCHW: Tensor) -> Tensor:
    """Mean squared error of the mean colours of small areas, (B,).

    SSIM hardly sees a channel that is brighter or darker as a whole, so a run on SSIM alone drifts in colour.
    """
    side = min(COLOUR_SIDE, *original_BCHW.shape[2:])
    return functional.avg_pool2d(decoded_BCHW - original_BCHW, side).square().mean((1, 2, 3))


def ssim(decoded_BCHW: Tensor, original_BCHW: Tensor, *, scales: int | None = None) -> Tensor:
    """SSIM of Wang et al. 2004 (one scale), multi-scale as Wang et al. 2003 (two to five), (B,), mean of the channels.

    At an odd size the last row or column is left out of the next scale. A scale whose score is under a hundredth counts
    as a hundredth, and its gradient goes on as if it did not: a random start must learn from all scales.

    Args:
        scales: by default as many as the window fits into. The weights of fewer than five scales are those of the
            first ones, in proportion.
    Raises:
        ValueError: the window does not fit into so many scales.
    """
    fitting = num_scales(min(original_BCHW.shape[2:]))
    count = fitting if scales is None else scales
    if not 1 <= count <= fitting:
        raise ValueError(
            f"expected 1 to {fitting} scales of SSIM for pictures of {tuple(original_BCHW.shape[2:])}, "
            f"got {count}: the window has {_WINDOW} pixels a side; take larger patches or fewer scales"
        )
    chosen = _SCALE_WEIGHTS[:count]
    pair_B6HW = torch.cat((original_BCHW + decoded_BCHW, original_BCHW - decoded_BCHW), 1)
    pair_B6HW = pair_B6HW.contiguous(memory_format=torch.channels_last)
    product_BC = torch.ones((), device=pair_B6HW.device)
    for number, weight in enumerate(chosen):
        luminance_BCHW, contrast_BCHW = _factors(pair_B6HW)
        is_coarsest = number == count - 1
        score_BC = (luminance_BCHW * contrast_BCHW if is_coarsest else contrast_BCHW).mean((2, 3))
        if count > 1:
            score_BC = _at_least(score_BC, _LEAST_SCORE) ** (weight * sum(_SCALE_WEIGHTS) / sum(chosen))
        product_BC = product_BC * score_BC
        if not is_coarsest:
            pair_B6HW = functional.avg_pool2d(pair_B6HW, 2)
    return product_BC.mean(1)


def num_scales(side: int) -> int:
    """Scales of multi-scale SSIM that fit into pictures whose short side has so many pixels; 0 where none does."""
    return sum(side >> number >= _WINDOW for number in range(len(_SCALE_WEIGHTS)))


def _at_least(value: Tensor, least: float) -> Tensor:
    """The larger of both, with the gradient of `value`."""
    return value + (value.clamp_min(least) - value).detach()


def _factors(pair_B6HW: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast with structure, at every place that the window fits: `codec/ssim_scales.py` has the
    formulas for sum and difference."""
    channels = pair_B6HW.shape[1] // 2
    means_BpHW = _blurred(torch.cat((pair_B6HW, pair_B6HW.square()), 1))
    square_B6HW, power_B6HW = means_BpHW[:, : 2 * channels].square(), means_BpHW[:, 2 * channels :]
    return (
        _factor(square_B6HW, channels, 2.0 * _C1),
        _factor(power_B6HW - square_B6HW, channels, 2.0 * _C2),
    )


def _factor(of_both_B6HW: Tensor, channels: int, constant: float) -> Tensor:
    of_sum_BCHW, of_difference_BCHW = of_both_B6HW[:, :channels], of_both_B6HW[:, channels:]
    factor_BCHW: Tensor = (of_sum_BCHW - of_difference_BCHW + constant) / (
        of_sum_BCHW + of_difference_BCHW + constant
    )
    return factor_BCHW


def _blurred(planes_BpHW: Tensor) -> Tensor:
    """Means under the window, borders left out."""
    planes = planes_BpHW.shape[1]
    taps = _taps().to(planes_BpHW).expand(planes, 1, -1)
    down_BpHW = functional.conv2d(planes_BpHW, taps[:, :, :, None], groups=planes)
    return functional.conv2d(down_BpHW, taps[:, :, None, :], groups=planes)


@cache
def _taps() -> Tensor:
    places = torch.arange(_WINDOW, dtype=torch.float32) - _WINDOW // 2
    window = torch.exp(-places.square() / (2.0 * _SIGMA**2))
    return window / window.sum()
