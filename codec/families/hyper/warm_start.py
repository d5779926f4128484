"""A trained model as the start of one with finer slices (but for the first) or more blocks.

Each new pass begins as the one that coded its channels; what it may know beyond that, and every new block, counts for
nothing at first. So the new model begins where the old one ended, but for how an encoder rounds its slices
(`deadzone.py`), and training goes on from there. A model of other widths takes the leading part of every tensor, which
is only a better start than none.
"""

from __future__ import annotations

import re
from typing import Final

import torch
from torch import Tensor

from codec.families.hyper.config import ModelConfig, Pass
from codec.families.hyper.model import HyperModel
from codec.training.karhunen_loeve import install_overlap

_OF_PASS: Final = re.compile(r"(means|scales)\.(stem|shift|mix|head|gather|spread)\.(\d+)\.")
_FROM_THE_SECOND: Final = ("gather", "spread")
"""The first pass knows nothing before it, and has none of these."""
_LAST_OF_BLOCK: Final = re.compile(r"(analysis|synthesis)\.blocks\.\d+\.project\.weight")


def inherit(model: HyperModel, source: HyperModel) -> None:
    """Give a model, just built, what it can use of a trained one, of whatever shape."""
    tensors = source.state_dict()
    taken = {name: tensor for name, tensor in tensors.items() if not _OF_PASS.match(name)}
    for name, mine in model.state_dict().items():
        if found := _OF_PASS.match(name):
            passed_on = _from_pass(name, found, tensors, model.config, source.config)
            if passed_on is not None:
                taken[name] = passed_on
        elif name not in tensors and _LAST_OF_BLOCK.match(name):
            taken[name] = mine.new_zeros(mine.shape)
    install_overlap(model, taken)


def _from_pass(
    name: str, found: re.Match[str], tensors: dict[str, Tensor], target: ModelConfig, source: ModelConfig
) -> Tensor | None:
    """A layer of a pass, as the source's pass over the same channels has it; None where there is none."""
    part, first = found[2], int(found[2] in _FROM_THE_SECOND)
    one = target.passes[int(found[3]) + first]
    origin = next((n for n, other in enumerate(source.passes) if _codes(other, one)), None)
    if origin is None or origin < first:
        return None
    tensor = tensors.get(f"{found[1]}.{part}.{origin - first}.{name[found.end() :]}")
    if tensor is None:
        return None
    other = source.passes[origin]
    if part == "head":
        return tensor[one.channels.start - other.channels.start :]
    if (
        name.endswith("weight")
        and part in ("stem", "gather")
        and one.context_channels > other.context_channels
    ):
        more = tensor.new_zeros(
            tensor.shape[0], one.context_channels - other.context_channels, *tensor.shape[2:]
        )
        return torch.cat((tensor, more), 1)
    return tensor


def _codes(other: Pass, one: Pass) -> bool:
    """Whether a pass coded the first of the channels that another one codes, at the same positions."""
    return other.channels.start <= one.channels.start < other.channels.stop and other.lattice == one.lattice
