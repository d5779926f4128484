"""The folder of one adaptation: what it began with, and what came of it, beside the trainer's checkpoint and log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from codec.errors import TrainingError
from codec.training.log import read_log
from codec.training.written import replacing

_DIFFERENCE: Final = "adapted.difference"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapted:
    """What was learned; what it is worth, `verdict_on` says."""

    weights: bytes
    """The adapted weights file."""
    difference: bytes | None
    """What `difference.rebuild` makes it of from the weights it began with, a quarter of the bytes; None where the
    family fits more than the numbers in its tensors."""
    steps: int
    """Of training, all sessions."""


class AdaptationFolder:
    """One folder; whatever is written there is whole or not there."""

    def __init__(self, path: Path) -> None:
        """Make it, if it is not there."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.start = path / "start.safetensors"
        """The weights that the adaptation began with."""
        self._result = path / "adapted.safetensors"

    def keep_start(self, start: bytes) -> None:
        """Keep what the adaptation begins with.

        Raises:
            TrainingError: it began with other weights.
        """
        if not self.start.exists():
            _write(self.start, start)
        elif self.start.read_bytes() != start:
            raise TrainingError(f"{self.path} holds an adaptation of other weights; adapt elsewhere")

    def keep_result(self, weights: bytes, difference: bytes | None) -> None:
        """Keep what came of it; from then on there is nothing left to do."""
        _write(self.path / _DIFFERENCE, difference or b"")
        _write(self._result, weights)

    def result(self) -> Adapted | None:
        """What came of it; None before the end."""
        if not self._result.exists():
            return None
        return Adapted(
            weights=self._result.read_bytes(),
            difference=(self.path / _DIFFERENCE).read_bytes() or None,
            steps=read_log(self.path)[-1]["step"],
        )


def _write(path: Path, data: bytes) -> None:
    with replacing(path) as file:
        file.write(data)
