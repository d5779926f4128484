"""What a layer's parameters hold before they are trained, or before weights are put in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_DRAWN_BY: Final = frozenset({nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_})
"""What our layers, and PyTorch's in them, draw their start with."""


def zero(parameter: Tensor | None) -> None:
    """Start a layer's weight or bias at zero."""
    if parameter is not None:
        nn.init.zeros_(parameter)


def draw(parameter: Tensor, *, std: float) -> None:
    """Start a layer's weight at random, around zero."""
    nn.init.normal_(parameter, std=std)


@contextmanager
def without_values() -> Iterator[None]:
    """Within it, models are built without memory, to wait for their weights: nothing is drawn that those replace.

    To draw what has no memory, PyTorch would load its compiler, and take longer than all the rest of loading a codec.
    """
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Parameters are left as they are by what draws a start."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call it, unless it draws."""
        given = kwargs or {}
        if func in _DRAWN_BY:
            return given["tensor"] if "tensor" in given else args[0]
        return func(*args, **given)
