"""How a run comes to see: the first held-back crop, decoded at every evaluation, kept as small PNG files.

`OUT/strips/<label>/<step>.png` and `OUT/strips/original.png`: the drawings of a run are made of these and of its log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from codec.contract import RGB
from codec.training.log import read_log
from codec.training.recipe import Evaluation

FOLDER: Final = "strips"
_ORIGINAL: Final = "original.png"
_SIDE: Final = 256


def keep_pictures(out: Path, step: int, evaluation: Evaluation, original: RGB) -> None:
    """Keep the middle of what one evaluation decoded, if it shows anything."""
    if not evaluation.shown:
        return
    for point, decoded in zip(evaluation.points, evaluation.shown, strict=True):
        path = _path(out, point.label, step)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_middle(decoded)).save(path)
    height, width = evaluation.shown[0].shape[:2]
    Image.fromarray(_middle(original[:height, :width])).save(out / FOLDER / _ORIGINAL)


class KeptPictures:
    """The pictures that a run's folder holds: of the evaluations whose every setting is there; none of a run that
    decodes no pictures."""

    def __init__(self, out: Path) -> None:
        """Find what there is; the pictures are read when they are asked for."""
        rows = [row for row in read_log(out) if row["kind"] == "evaluate"]
        self._out = out
        self.labels: list[str] = [point["label"] for point in rows[-1]["points"]] if rows else []
        """The settings of the last evaluation, smallest files first."""
        self.steps: list[int] = sorted({row["step"] for row in rows if self._is_complete(row["step"])})
        """At which evaluations were made."""

    def original(self) -> RGB:
        """The crop itself."""
        return _read(self._out / FOLDER / _ORIGINAL)

    def decoded(self, label: str, step: int) -> RGB:
        """The crop as the weights of that step showed it."""
        return _read(_path(self._out, label, step))

    def _is_complete(self, step: int) -> bool:
        return bool(self.labels) and all(_path(self._out, label, step).exists() for label in self.labels)


def _path(out: Path, label: str, step: int) -> Path:
    return out / FOLDER / label / f"{step:07d}.png"


def _read(path: Path) -> RGB:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _middle(pixels: RGB) -> RGB:
    height, width = pixels.shape[:2]
    top, left = max(0, (height - _SIDE) // 2), max(0, (width - _SIDE) // 2)
    return np.ascontiguousarray(pixels[top : top + _SIDE, left : left + _SIDE])
