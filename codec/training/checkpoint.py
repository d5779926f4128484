"""A run's state on disk: written aside and moved into place, so that a kill leaves the last one whole."""

from __future__ import annotations

import json
import os
import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from codec.errors import TrainingError

CHECKPOINT_NAME: Final = "checkpoint.pt"
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """Everything a run needs to go on as if nothing had happened."""

    step: int
    """Steps done."""
    model: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimiser: dict[str, Any]
    """What `torch.optim.Optimizer.state_dict` gives."""
    generator: str
    """State of the numpy generator that draws patches, as JSON."""
    quantiser_step: float
    slow_channels: tuple[int, ...]
    config: str
    """The run's config as JSON: a run resumes only under the config it began with."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the folder's checkpoint atomically."""
    temporary = folder / f".{CHECKPOINT_NAME}.{os.getpid()}"
    with temporary.open("wb") as file:
        torch.save({"format": _FORMAT, **_plain(checkpoint)}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / CHECKPOINT_NAME)


def load_checkpoint(folder: Path) -> Checkpoint | None:
    """The folder's checkpoint, or None when there is none.

    Raises:
        TrainingError: it is damaged or of another format.
    """
    path = folder / CHECKPOINT_NAME
    if not path.exists():
        return None
    try:
        data = torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        struct.error,
        pickle.UnpicklingError,
    ) as error:
        raise TrainingError(f"checkpoint {path} is damaged ({error}); delete it to start again") from error
    if not isinstance(data, dict) or data.pop("format", None) != _FORMAT:
        raise TrainingError(f"checkpoint {path} is not of format {_FORMAT}; delete it to start again")
    data["slow_channels"] = tuple(data["slow_channels"])
    return Checkpoint(**data)


def generator_state(generator: Any) -> str:
    """A numpy generator's state as JSON."""
    return json.dumps(generator.bit_generator.state)


def restore_generator(generator: Any, state: str) -> None:
    """Put a numpy generator back where it was."""
    generator.bit_generator.state = json.loads(state)


def _plain(checkpoint: Checkpoint) -> dict[str, Any]:
    fields = {name: getattr(checkpoint, name) for name in checkpoint.__slots__}
    return fields | {"slow_channels": list(checkpoint.slow_channels)}
