"""Shares side by side are one batch; SOAP's matrices fit a checkpoint whatever the number of workers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from codec.training.batch_shares import side_by_side
from codec.training.config import OptimiserConfig
from codec.training.optimiser import Optimiser
from codec.training.recipe import BatchLoss, ParameterGroup


class _Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.idle, self.last = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 3, 1), nn.Conv2d(8, 3, 1)

    def loss(self, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        """An autoencoder's, of positions."""
        del chance
        total = (self.last(torch.tanh(self.first(rgb_BCHW))) - rgb_BCHW).square().mean()
        return BatchLoss(total=total, parts={"mse": total.detach()})


def _batch() -> Tensor:
    return torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_gradients_are_those_of_the_whole_batch(workers: int) -> None:
    model = _Layers()
    expected = model.loss(_batch(), np.random.default_rng(0))
    expected.total.backward()  # type: ignore[no-untyped-call]
    wanted = {name: parameter.grad for name, parameter in model.named_parameters()}
    threads = torch.get_num_threads()
    with side_by_side(workers) as shares:
        found = shares.backward(model.loss, list(model.parameters()), _batch(), np.random.default_rng(0))
    assert torch.get_num_threads() == threads
    torch.testing.assert_close(found.total, expected.total.detach())
    torch.testing.assert_close(found.parts["mse"], expected.parts["mse"])
    assert model.idle.weight.grad is None
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, wanted[name])


def test_each_of_two_players_learns_from_its_own_objective() -> None:
    model = _Layers()

    def loss(rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        shown = model.first(rgb_BCHW)
        grade = model.last(shown).mean()
        rival = model.last(shown.detach()).square().mean()
        return BatchLoss(total=shown.square().mean() - grade, rival=rival, parts={"grade": grade.detach()})

    own, rivals = list(model.first.parameters()), list(model.last.parameters())
    whole = loss(_batch(), np.random.default_rng(0))
    assert whole.rival is not None
    wanted = [*torch.autograd.grad(whole.total, own), *torch.autograd.grad(whole.rival, rivals)]
    with side_by_side(2) as shares:
        found = shares.backward(loss, own, _batch(), np.random.default_rng(0), rivals)
    assert found.rival is not None
    torch.testing.assert_close(found.rival, whole.rival.detach())
    torch.testing.assert_close([one.grad for one in (*own, *rivals)], wanted)


def test_every_share_draws_its_own_and_the_same_again() -> None:
    drawn = []
    for _ in range(2):
        seen: list[float] = []
        model = _Layers()

        def loss(
            rgb_BCHW: Tensor, chance: np.random.Generator, seen: list[float] = seen, model: _Layers = model
        ) -> BatchLoss:
            seen.append(chance.random())
            return model.loss(rgb_BCHW, chance)

        with side_by_side(2) as shares:
            shares.backward(loss, list(model.parameters()), _batch(), np.random.default_rng(4))
        drawn.append(sorted(seen))
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 2


@pytest.mark.parametrize("method", ["adamw", "soap"])
def test_an_optimiser_goes_on_from_its_state_with_other_workers(method: str) -> None:
    config = OptimiserConfig(method=method, learning_rate=0.01)  # type: ignore[arg-type]

    def begin() -> tuple[_Layers, Optimiser]:
        model = _Layers()
        return model, Optimiser([ParameterGroup(parameters=list(model.parameters()))], config)

    def steps(model: _Layers, optimiser: Optimiser, count: int, workers: int) -> float:
        with side_by_side(workers) as shares:
            for step in range(count):
                loss = shares.backward(
                    model.loss, list(model.parameters()), _batch(), np.random.default_rng(step)
                )
                optimiser.step(0.01, shares)
        return float(loss.total)

    model, optimiser = begin()
    first = steps(model, optimiser, 12, 1)
    later, other = begin()
    later.load_state_dict(model.state_dict())
    other.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    last = steps(model, optimiser, 12, 1)
    assert last < first
    assert steps(later, other, 12, 2) == pytest.approx(last, rel=1e-4)
