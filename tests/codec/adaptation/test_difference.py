"""A difference of weights rebuilds the file byte for byte, or says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.adaptation.difference import base_digest, pack, rebuild
from codec.errors import WeightsError
from codec.weights_file import digest_of, parse_weights, weights_bytes
from tests.golden.differences.build import on_grid, two_files

BASE, NEAR = two_files()
ADAPTED, MOVES = on_grid(BASE, NEAR)
DIFFERENCE = pack(BASE, ADAPTED, MOVES) or b""


def test_it_rebuilds_the_file_and_knows_its_base() -> None:
    assert rebuild(BASE, DIFFERENCE) == ADAPTED
    assert base_digest(DIFFERENCE) == digest_of(BASE)


def test_quantised_weights_lie_within_half_a_step_and_keep_their_integers() -> None:
    exact, near = (parse_weights(data, where="the test").tensors for data in (NEAR, ADAPTED))
    for name, tensor in exact.items():
        if name in MOVES:
            assert (
                float((tensor.float() - near[name].float()).abs().max())
                <= 0.51 * float(MOVES[name].step) + 2e-3
            )
        else:
            assert torch.equal(tensor, near[name])
    assert MOVES["size"].step == 0.0


def test_what_lies_on_no_grid_or_has_other_tensors_has_no_difference() -> None:
    assert pack(BASE, NEAR, MOVES) is None
    other = weights_bytes("{}", {"layer.weight": torch.zeros(12, 10)})
    assert pack(BASE, other, MOVES) is None
    assert on_grid(BASE, other) == (other, {})


def test_another_base_is_refused() -> None:
    with pytest.raises(WeightsError, match="expected the base"):
        rebuild(NEAR, DIFFERENCE)


@pytest.mark.parametrize("length", [0, 4, 60, 100, len(DIFFERENCE) - 1])
def test_one_cut_short_is_refused(length: int) -> None:
    with pytest.raises(WeightsError, match="a difference of weights"):
        rebuild(BASE, DIFFERENCE[:length])


def test_whatever_is_damaged_is_refused() -> None:
    rng = np.random.default_rng(2)
    for place in range(len(DIFFERENCE)):
        damaged = bytearray(DIFFERENCE)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(WeightsError, match="a difference of weights"):
            rebuild(BASE, bytes(damaged))


def test_steps_finer_than_float16_are_no_trouble() -> None:
    chance = torch.Generator().manual_seed(1)
    base = {"w": torch.randn(64, 64, generator=chance) * 0.3}
    near = {"w": base["w"].half() + 1e-4 * torch.randn(64, 64, generator=chance)}
    files = [weights_bytes("{}", tensors) for tensors in (base, near)]
    adapted, moves = on_grid(*files)
    difference = pack(files[0], adapted, moves)
    assert difference is not None
    assert rebuild(files[0], difference) == adapted
