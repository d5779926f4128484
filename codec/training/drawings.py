"""All that a run leaves to look at, drawn from its log and the pictures it kept."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from codec.errors import TrainingError
from codec.training.curves import CURVES_NAME, draw_curves
from codec.training.kept_pictures import FOLDER
from codec.training.learned_when import LEARNING_NAME, draw_learning
from codec.training.log import LOG_NAME, read_log
from codec.training.strips import DIFFERENCES_NAME, STRIPS_NAME, draw_differences, draw_strips

_PLOTS: Final = {CURVES_NAME: draw_curves, LEARNING_NAME: draw_learning}
"""They need matplotlib."""
_SHEETS: Final = {STRIPS_NAME: draw_strips, DIFFERENCES_NAME: draw_differences}


def redraw(out: Path) -> list[str]:
    """Draw everything anew: where each drawing is, or why there is none, a line each.

    Raises:
        TrainingError: the folder holds no run.
    """
    if not read_log(out):
        raise TrainingError(f"expected a run at {out}, found no {LOG_NAME} with lines in it; check the path")
    few = f"too few pictures of evaluations in {out / FOLDER}"
    sheets = [str(draw(out) or f"no {name}: {few}") for name, draw in _SHEETS.items()]
    if find_spec("matplotlib") is None:
        missing = f"no {' and '.join(_PLOTS)}: matplotlib is not installed"
        return [*sheets, f"{missing}; pip install 'tenfold[train]', then draw them with --redraw {out}"]
    return [*(str(draw(out) or f"no {name}: {few}") for name, draw in _PLOTS.items()), *sheets]
