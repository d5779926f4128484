"""Models on the device where they run."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

_Model = TypeVar("_Model", bound=nn.Module)


def on_device(model: _Model, device: torch.device) -> _Model:
    """The model itself where it is there already, else a copy that is: its weights may serve another device as well."""
    if all(parameter.device == device for parameter in model.parameters()):
        return model
    return copy.deepcopy(model).to(device)
