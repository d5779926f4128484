"""How a run comes to see: the first held-back crop, decoded at every evaluation, kept as small PNG files.

`OUT/strips/<label>/<step>.png` and `OUT/strips/original.png`; `strips.png` sets them side by side.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from codec.contract import RGB
from codec.training.log import read_log
from codec.training.recipe import Evaluation

STRIPS_NAME: Final = "strips.png"
_FOLDER: Final = "strips"
_SIDE: Final = 256
_MOST_COLUMNS: Final = 12
_MARGIN: Final = 64
_TEXT: Final = 20


def save_strip(out: Path, step: int, evaluation: Evaluation, original: RGB) -> None:
    """Keep the middle of what one evaluation decoded, if it shows anything."""
    if not evaluation.shown:
        return
    folder = out / _FOLDER
    for point, decoded in zip(evaluation.points, evaluation.shown, strict=True):
        (folder / point.label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(_middle(decoded)).save(folder / point.label / f"{step:07d}.png")
    height, width = evaluation.shown[0].shape[:2]
    Image.fromarray(_middle(original[:height, :width])).save(folder / "original.png")


def draw_strips(out: Path) -> Path | None:
    """Set the run's pictures side by side: a column per evaluation, a row per setting, the original last.

    Of many evaluations the first, the last, and some between them are shown. None when there are no pictures.
    """
    rows = [row for row in read_log(out) if row["kind"] == "evaluate"]
    labels = [point["label"] for point in rows[-1]["points"]] if rows else []
    steps = sorted({row["step"] for row in rows if _complete(out, row["step"], labels)})
    if not steps:
        return None
    places = np.unique(np.linspace(0, len(steps) - 1, min(_MOST_COLUMNS, len(steps))).round().astype(int))
    columns = [steps[place] for place in places]
    with Image.open(out / _FOLDER / "original.png") as original:
        width, height = original.size
    sheet = Image.new(
        "RGB", (_MARGIN + width * (len(columns) + 1), _TEXT + height * len(labels)), (255, 255, 255)
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, name in enumerate([*(f"step {step:,}" for step in columns), "original"]):
        draw.text((_MARGIN + width * number + 4, 2), name, fill=(0, 0, 0), font=font)
    for down, label in enumerate(labels):
        top = _TEXT + height * down
        draw.text((4, top + 4), label, fill=(0, 0, 0), font=font)
        paths = [_picture(out, label, step) for step in columns] + [out / _FOLDER / "original.png"]
        for number, path in enumerate(paths):
            with Image.open(path) as picture:
                sheet.paste(picture, (_MARGIN + width * number, top))
    sheet.save(out / STRIPS_NAME)
    return out / STRIPS_NAME


def _picture(out: Path, label: str, step: int) -> Path:
    return out / _FOLDER / label / f"{step:07d}.png"


def _complete(out: Path, step: int, labels: list[str]) -> bool:
    return all(_picture(out, label, step).exists() for label in labels)


def _middle(pixels: RGB) -> RGB:
    height, width = pixels.shape[:2]
    top, left = max(0, (height - _SIDE) // 2), max(0, (width - _SIDE) // 2)
    return np.ascontiguousarray(pixels[top : top + _SIDE, left : left + _SIDE])
