"""What turns gradients into steps: SOAP for the matrices of a network, AdamW for everything else.

SOAP (Vyas et al. 2024, arXiv:2409.11321) is Adam in the slowly turning eigenbasis of each matrix's gradients: a third
more time a step, and several times the progress (docs/guide/train.md). Its matrices are dealt out among the workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import nn

from codec.training.batch_shares import Shares
from codec.training.config import OptimiserConfig
from codec.training.recipe import ParameterGroup

_HANDS: Final = 4
"""Parts that the matrices are dealt into, whatever the number of workers: a checkpoint fits every machine."""
_LARGEST: Final = 2048
"""Longer sides of a matrix stay as they are: their eigenbasis would take too long."""


class Optimiser:
    """All parameters of a model, each with the method that suits it."""

    def __init__(self, groups: Sequence[ParameterGroup], config: OptimiserConfig) -> None:
        """Deal out the parameters: `groups` has every one of them, once."""
        hands: list[list[dict[str, Any]]] = [[] for _ in range(_HANDS)]
        rest: list[dict[str, Any]] = []
        for group in groups:
            shared = {"scale": group.scale, "weight_decay": config.weight_decay if group.decays else 0.0}
            matrices = [
                p for p in group.parameters if config.method == "soap" and group.decays and _is_matrix(p)
            ]
            taken = {id(parameter) for parameter in matrices}
            rest.append({"params": [p for p in group.parameters if id(p) not in taken], **shared})
            matrices.sort(key=_work, reverse=True)
            for start, hand in enumerate(hands):
                if mine := matrices[start::_HANDS]:
                    hand.append({"params": mine, **shared})
        rate = config.learning_rate
        self._parts: list[torch.optim.Optimizer] = [_soap(hand, rate) for hand in hands if hand]
        self._parts.append(torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), fused=True))

    def step(self, rate: float, shares: Shares) -> None:
        """One step at a learning rate."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = rate * group["scale"]
        shares.run([part.step for part in self._parts])

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Back from a checkpoint."""
        for part, mine in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(mine)


def _soap(groups: list[dict[str, Any]], rate: float) -> torch.optim.Optimizer:
    from pytorch_optimizer import SOAP  # seconds to import, and only who trains so needs it

    return SOAP(groups, lr=rate, betas=(0.95, 0.98), shampoo_beta=0.95, max_precondition_dim=_LARGEST)


def _is_matrix(parameter: nn.Parameter) -> bool:
    """Whether a weight is that of a 1x1 layer with something to turn on both sides."""
    return parameter.dim() == 4 and parameter.shape[2:] == (1, 1) and min(parameter.shape[:2]) > 1


def _work(parameter: nn.Parameter) -> int:
    rows, columns = parameter.shape[:2]
    return rows * columns * (rows + columns)
