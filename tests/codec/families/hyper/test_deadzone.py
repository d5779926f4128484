"""Rounding that counts bits: fewer of them for the same error."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.contract import RGB, EncodeOptions
from codec.entropy.tables import TABLES
from codec.families.hyper import deadzone
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.deadzone import first_step_bits, rounded, shares, table_of_bits, worth
from codec.families.hyper.scale_network import index_of
from codec.parts.quality import MSE_SCALE, lmbda_of
from tests.support.tiny_hyper import CPU


def test_without_a_shift_it_is_nearest() -> None:
    values = torch.tensor([-2.6, -1.2, -0.4, 0.0, 0.4, 0.6, 1.4, 7.51])
    assert rounded(values, torch.zeros(8)).tolist() == [-3, -1, 0, 0, 0, 1, 1, 8]


def test_a_shift_goes_towards_zero_and_never_past_the_next_step() -> None:
    values = torch.tensor([-1.65, -0.65, 0.65, 1.65, 1.99, -0.99])
    assert rounded(values, torch.full((6,), 0.2)).tolist() == [-1, 0, 0, 1, 2, -1]
    assert rounded(values, torch.full((6,), 9.0)).tolist() == [-1, 0, 0, 1, 1, 0]


def test_the_first_step_costs_what_the_distribution_says() -> None:
    scale = 1.3
    zero = 1.0 - np.exp(-0.5 / scale)
    one = 0.5 * (np.exp(-0.5 / scale) - np.exp(-1.5 / scale))
    assert float(first_step_bits(index_of(torch.tensor(scale)))) == pytest.approx(
        np.log2(zero / one), rel=1e-4
    )
    bits = table_of_bits()
    assert bits.shape == (TABLES,)
    assert bool((bits[1:] < bits[:-1]).all()), "wider distributions rise more slowly"
    assert bool((bits > 0.0).all())


def test_what_tells_later_slices_less_is_rounded_down_more() -> None:
    share = shares((2, 1, 3, 2), CPU)
    assert share.tolist() == pytest.approx([0.15, 0.15, 0.5, 0.9, 0.9, 0.9, 1.3, 1.3])
    assert shares((1, 1), CPU).tolist() == pytest.approx([0.15, 1.3])


def test_a_value_goes_up_when_the_error_it_saves_is_worth_its_bits() -> None:
    gain, quality, bits = torch.tensor([3.0]), torch.tensor([20.0]), torch.tensor([2.5])
    shift = float(bits * worth(gain, quality, torch.ones(1)))
    assert 0.0 < shift < 0.5

    def cost(value: float, symbol: int) -> float:
        error = (value - symbol) / float(gain)
        return float(lmbda_of(quality)) * MSE_SCALE * error**2 + symbol * float(bits)

    for value in (0.5 + shift - 1e-3, 0.5 + shift + 1e-3):
        best = min((0, 1), key=lambda symbol: cost(value, symbol))
        assert float(rounded(torch.tensor([value]), torch.tensor([shift]))) == best


def test_real_bytes_fall_by_more_than_the_pixels_are_worth(
    hyper: HyperCodec, photo: RGB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a higher quality with the dead zone: fewer bytes, and no more error."""
    aware = hyper.encode([photo], EncodeOptions(quality=30))[0].payload
    monkeypatch.setattr(deadzone, "_COARSE", 0.0)
    monkeypatch.setattr(deadzone, "_FINER", (0.0, 0.0))
    plain = hyper.encode([photo], EncodeOptions(quality=28))[0].payload
    a, b = hyper.decode([aware, plain])
    errors = [float(np.square(one.pixels.astype(float) - photo).mean()) for one in (a, b)]
    assert len(aware) * errors[0] < 0.995 * len(plain) * errors[1]
