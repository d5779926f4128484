"""A large encoder on its way to a small one: channels fade to nothing while all of it goes on learning, then go.

After the mask decay of EVC (Wang et al. 2023, arXiv:2302.05071), with a linear fade by the clock. A channel is of a
*group*: those between the blocks, which every block adds to, or those inside one block.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Final, TypeVar

import torch
from torch import Tensor, nn

from codec.families.hyper.config import EncoderShape, ModelConfig
from codec.families.hyper.transforms import Analysis

_BETWEEN: Final = "between"
_KEPT: Final = 2.0
"""As a share of the fading: never."""
_RAMP: Final = 0.5
"""Share of the fading in which one channel fades: the least important begins at once, the last one half way."""
_MERGED: Final = 4
"""Times that a channel between blocks lies in what the head sees."""

_Module = TypeVar("_Module", bound=nn.Module)


class Shrinking(nn.Module):
    """An encoder, and when each of its channels fades."""

    def __init__(self, config: ModelConfig, *, begun: EncoderShape, ends: EncoderShape) -> None:
        """Nothing fades before `fade`.

        Args:
            config: of the codec.
            begun: what it is at first.
            ends: what is left of it.
        """
        super().__init__()
        self.analysis = Analysis(config, begun)
        self.analysis.linear.requires_grad_(False)
        self._config, self._ends = config, ends
        self._groups = _sizes(begun)
        for group, channels in self._groups.items():
            self.register_buffer(f"fades_{group}", torch.full((channels,), _KEPT))

    def own(self) -> list[nn.Parameter]:
        """What learns: the deep branch."""
        return [one for one in self.analysis.parameters() if one.requires_grad]

    def masks(self, faded: float) -> dict[str, Tensor]:
        """What is left of each channel of each group, 1 to 0, when so much of the fading is over."""
        return {group: 1.0 - ((faded - self._fades(group)) / _RAMP).clamp(0.0, 1.0) for group in self._groups}

    def masked(self, masks: Mapping[str, Tensor]) -> Analysis:
        """The encoder with so much left of its channels; it learns through them."""
        tensors: dict[str, Tensor] = dict(self.analysis.named_parameters())
        for name, axis, group in _writers(len(self._groups) - 1):
            tensors[name] = tensors[name] * _along(masks[group], axis, tensors[name].dim())
        return _holding(self.analysis, tensors)

    def fade(self, importance: Mapping[str, Tensor]) -> None:
        """Choose the channels that go, and when: the least important of a group first."""
        kept = _sizes(self._ends)
        for group, channels in self._groups.items():
            goes = channels - kept[group]
            order = importance[group].argsort()[:goes]
            self._fades(group)[order] = torch.linspace(0.0, 1.0 - _RAMP, goes).to(order.device)

    def cut(self) -> Analysis:
        """What is left: a smaller encoder."""
        small = Analysis(self._config, self._ends)
        state = self.analysis.state_dict()
        for name, axis, group in _axes(len(self._groups) - 1):
            left = torch.nonzero(self._fades(group) == _KEPT)[:, 0]
            if name == "head.weight":
                left = torch.cat([left + n * self._groups[group] for n in range(_MERGED)])
            state[name] = state[name].index_select(axis, left)
        small.load_state_dict(state)
        return small.eval().requires_grad_(False)

    def _fades(self, group: str) -> Tensor:
        fades: Tensor = getattr(self, f"fades_{group}")
        return fades


def _sizes(shape: EncoderShape) -> dict[str, int]:
    """Channels of each group."""
    return {_BETWEEN: shape.width} | {f"inside_{n}": hidden for n, hidden in enumerate(shape.hidden)}


def _writers(blocks: int) -> list[tuple[str, int, str]]:
    """What writes into the channels of each group: the tensor, its axis, the group. A channel is as faded as it is."""
    found = [("stem.weight", 0, _BETWEEN), ("stem.bias", 0, _BETWEEN)]
    for number in range(blocks):
        block = f"blocks.{number}"
        found += [
            (f"{block}.depthwise.bias", 0, _BETWEEN),
            (f"{block}.project.weight", 0, _BETWEEN),
            (f"{block}.project.bias", 0, _BETWEEN),
            (f"{block}.project.weight", 1, f"inside_{number}"),  # as good as where it is written
        ]
    return found


def _axes(blocks: int) -> list[tuple[str, int, str]]:
    """Every axis of a tensor that counts the channels of a group."""
    found = [*_writers(blocks), ("head.weight", 1, _BETWEEN)]
    for number in range(blocks):
        block, inside = f"blocks.{number}", f"inside_{number}"
        found += [
            (f"{block}.depthwise.weight", 0, _BETWEEN),
            (f"{block}.expand.weight", 1, _BETWEEN),
            (f"{block}.expand.weight", 0, inside),
            (f"{block}.expand.bias", 0, inside),
        ]
    return found


def _along(mask: Tensor, axis: int, axes: int) -> Tensor:
    """A mask of one axis, for a tensor of so many."""
    return mask.view([-1 if one == axis else 1 for one in range(axes)])


def _holding(module: _Module, tensors: Mapping[str, Tensor], prefix: str = "") -> _Module:
    """The same module with other tensors for its parameters: a view of its own for each thread, unlike
    `torch.func.functional_call`."""
    other = copy.copy(module)
    other.__dict__["_parameters"] = {
        name: tensors.get(prefix + name, parameter) for name, parameter in module._parameters.items()
    }
    other.__dict__["_modules"] = {
        name: child if child is None else _holding(child, tensors, f"{prefix}{name}.")
        for name, child in module._modules.items()
    }
    return other
