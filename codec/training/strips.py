"""Sheets of what a run decoded: over its evaluations, and beside the original with what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from codec.contract import RGB
from codec.training.contact_sheet import save_contact_sheet
from codec.training.kept_pictures import KeptPictures

STRIPS_NAME: Final = "strips.png"
DIFFERENCES_NAME: Final = "differences.png"
_MOST_COLUMNS: Final = 12
_GAIN: Final = 8


def draw_strips(out: Path) -> Path | None:
    """A column per evaluation, a row per setting, the original last; None when there are no pictures.

    Of many evaluations the first, the last, and some between them are shown.
    """
    kept = KeptPictures(out)
    if not kept.steps:
        return None
    places = np.unique(
        np.linspace(0, len(kept.steps) - 1, min(_MOST_COLUMNS, len(kept.steps))).round().astype(int)
    )
    steps, original = [kept.steps[place] for place in places], kept.original()
    columns = [*(f"step {step:,}" for step in steps), "original"]
    rows = {label: [*(kept.decoded(label, step) for step in steps), original] for label in kept.labels}
    save_contact_sheet(out / STRIPS_NAME, columns, rows)
    return out / STRIPS_NAME


def draw_differences(out: Path) -> Path | None:
    """The original, what the last evaluation decoded, and a map of the error; None when there are no pictures."""
    kept = KeptPictures(out)
    if not kept.steps:
        return None
    original, step = kept.original(), kept.steps[-1]
    columns = ["original", f"decoded, step {step:,}", f"error x {_GAIN}"]
    decoded = {label: kept.decoded(label, step) for label in kept.labels}
    rows = {label: [original, one, error_map(original, one)] for label, one in decoded.items()}
    save_contact_sheet(out / DIFFERENCES_NAME, columns, rows)
    return out / DIFFERENCES_NAME


def error_map(original: RGB, decoded: RGB) -> RGB:
    """The absolute error of every sample, made eight times as bright: black where nothing differs, in the colour that
    is missing or too much elsewhere."""
    error = np.abs(original.astype(np.int16) - decoded.astype(np.int16))
    brighter: RGB = np.minimum(_GAIN * error, 255).astype(np.uint8)
    return brighter
