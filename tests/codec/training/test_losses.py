"""Training objectives: what reports measure, differentiable at any start, and true to colour."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from codec import metrics
from codec.contract import RGB
from codec.training.config import Objective
from codec.training.losses import distortion, mean_colour, mse, num_scales, ssim
from tests.support.photographs import picture

objectives = pytest.mark.parametrize("objective", get_args(Objective))


def planes(*pictures: RGB) -> Tensor:
    """(B, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255.0


def noisy(pixels: RGB, amount: float) -> RGB:
    noise = np.random.default_rng(1).normal(0.0, amount, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def original() -> RGB:
    return picture(176, 192, 3)


def test_every_measure_equals_that_of_the_report(original: RGB) -> None:
    worse = [noisy(original, amount) for amount in (4.0, 30.0)]
    x_BCHW, x_hat_BCHW = planes(original, original), planes(*worse)
    single_B, multi_B = ssim(x_hat_BCHW, x_BCHW, scales=1), ssim(x_hat_BCHW, x_BCHW)
    for number, decoded in enumerate(worse):
        assert float(single_B[number]) == pytest.approx(metrics.ssim(original, decoded), abs=2e-5)
        assert float(multi_B[number]) == pytest.approx(metrics.ms_ssim(original, decoded), abs=2e-5)
        decibels = -10.0 * float(torch.log10(mse(x_hat_BCHW, x_BCHW)[number]))
        assert decibels == pytest.approx(metrics.psnr_db(original, decoded), abs=1e-3)


@objectives
def test_an_objective_is_nothing_at_the_original_and_more_for_more_noise(
    objective: Objective, original: RGB
) -> None:
    pictures = planes(original, noisy(original, 5.0), noisy(original, 20.0))
    same, little, much = distortion(objective, pictures, pictures[:1].expand(3, -1, -1, -1)).tolist()
    assert same == pytest.approx(0.0, abs=1e-7)
    assert 0.0 < little < much


@objectives
@pytest.mark.parametrize("start", ["flat", "negative", "equal"])
def test_gradients_are_finite_wherever_training_starts(
    objective: Objective, start: Literal["flat", "negative", "equal"]
) -> None:
    x_BCHW = planes(picture(48, 64, 0))
    starts = {"flat": torch.full_like(x_BCHW, 0.5), "negative": 1.0 - x_BCHW, "equal": x_BCHW.clone()}
    x_hat_BCHW = starts[start].requires_grad_()
    (gradient_BCHW,) = torch.autograd.grad(distortion(objective, x_hat_BCHW, x_BCHW).sum(), x_hat_BCHW)
    assert torch.isfinite(gradient_BCHW).all()
    assert start == "equal" or gradient_BCHW.abs().max() > 0.0


@objectives
def test_a_shift_of_colour_is_held_against_a_picture_as_squared_error_would(
    objective: Objective, original: RGB
) -> None:
    x_BCHW = planes(original)
    greener_BCHW = x_BCHW + torch.tensor([-0.1, 0.1, -0.1]).view(1, 3, 1, 1)
    assert float(mean_colour(greener_BCHW, x_BCHW)) == pytest.approx(0.01, rel=1e-3)
    assert float(distortion(objective, greener_BCHW, x_BCHW)) >= 0.5 * 0.01


def test_as_many_scales_as_fit() -> None:
    assert [num_scales(side) for side in (10, 11, 28, 64, 128, 176)] == [0, 1, 2, 3, 4, 5]
    x_BCHW = torch.rand(1, 3, 64, 64)
    with pytest.raises(ValueError, match=r"expected 1 to 3 scales of SSIM .* got 4"):
        ssim(x_BCHW, x_BCHW, scales=4)
