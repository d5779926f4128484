"""A run's state on disk: written aside and moved into place, so that a kill leaves the last one whole."""

from __future__ import annotations

import json
import pickle
import struct
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import torch
from pydantic import ValidationError
from torch import Tensor

from codec.errors import TrainingError
from codec.training.config import TrainConfig
from codec.training.written import replacing

CHECKPOINT_NAME: Final = "checkpoint.pt"
_FORMAT: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """Everything a run of any family needs to go on as if nothing had happened.

    No generator is in it: what a step draws follows from the seed and the number of the step.
    """

    step: int
    """Steps done."""
    seconds: float
    """Spent on them, all sessions."""
    model: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimiser: dict[str, Any]
    """What `torch.optim.Optimizer.state_dict` gives."""
    recipe: str
    """What the family's recipe keeps, as JSON."""
    window: str
    """Losses since the last line of the log, as JSON."""
    reached: str
    """The last evaluation as the log has it, JSON."""
    config: str
    """The run's config as JSON: a run resumes only under the config it began with."""
    is_evaluated: bool = True
    """Whether the evaluation that is due at this step was made: a session that had to end leaves it to the next."""
    images: int | None = None
    """How many images the run reads, where its first session had no time for more."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the folder's checkpoint atomically."""
    values = {field.name: getattr(checkpoint, field.name) for field in fields(checkpoint)}
    with replacing(folder / CHECKPOINT_NAME) as file:
        try:
            torch.save({"format": _FORMAT, **values}, file)
        except (
            RuntimeError
        ) as error:  # what became of a file that cannot be written; the values always can be
            raise _of_the_file(error) from error


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
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise TrainingError(f"checkpoint {path} is damaged ({reason}); delete it to start again") from error
    if not isinstance(data, dict) or data.pop("format", None) != _FORMAT:
        raise TrainingError(
            f"expected a checkpoint of format {_FORMAT} at {path}, got another; delete it to start again, or go on "
            "with the version that wrote it"
        )
    return Checkpoint(**data)


def _of_the_file(error: RuntimeError) -> OSError:
    """Why a file could not be written: PyTorch says it by the error that came before its own, or only in its text."""
    before = error.__context__
    while before is not None and not isinstance(before, OSError):
        before = before.__context__
    return OSError(str(error)) if before is None else before


def check_same_config(checkpoint: Checkpoint, config: TrainConfig, folder: Path) -> None:
    """Refuse to go on under other settings. A key that is newer than the checkpoint had its default there.

    Raises:
        TrainingError: the config is not the checkpoint's; names what differs.
    """
    theirs, mine = _flat(_understood(checkpoint.config, type(config))), _flat(config.model_dump(mode="json"))
    changes = [
        f"{key} is {theirs.get(key)!r} there, {mine.get(key)!r} here"
        for key in sorted(theirs.keys() | mine.keys())
        if theirs.get(key) != mine.get(key)
    ]
    if changes:
        raise TrainingError(
            f"{folder} holds a run of another config ({'; '.join(changes)}); resume it with that, or train elsewhere"
        )


def _understood(config: str, kind: type[TrainConfig]) -> object:
    try:
        return kind.model_validate_json(config).model_dump(mode="json")
    except ValidationError:
        return json.loads(config)  # it had keys that are no more


def _flat(value: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, object] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else key)
    return flat
