"""All that a run leaves to look at, drawn from its log and the pictures it kept."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from codec.errors import TrainingError
from codec.training.curves import CURVES_NAME, draw_curves
from codec.training.kept_pictures import FOLDER
from codec.training.learned_when import LEARNING_NAME, draw_learning
from codec.training.log import LOG_NAME, read_log
from codec.training.strips import DIFFERENCES_NAME, STRIPS_NAME, draw_differences, draw_strips
from codec.training.written import writing_into

_Drawings = dict[str, Callable[[Path], Path | None]]

_PLOTS: Final[_Drawings] = {CURVES_NAME: draw_curves, LEARNING_NAME: draw_learning}
"""They need matplotlib."""
_SHEETS: Final[_Drawings] = {STRIPS_NAME: draw_strips, DIFFERENCES_NAME: draw_differences}


def redraw(out: Path, *, tell: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
    """Draw everything anew: where each drawing is, or why there is none, a line each.

    Args:
        tell: told before each drawing how many are done, and of how many.
    Raises:
        TrainingError: the folder holds no run, or cannot be written into.
    """
    if not read_log(out):
        raise TrainingError(f"expected a run at {out}, found no {LOG_NAME} with lines in it; check the path")
    draws = _SHEETS if find_spec("matplotlib") is None else _PLOTS | _SHEETS
    lines = []
    for done, (name, draw) in enumerate(draws.items()):
        tell(done, len(draws))
        with writing_into(out):
            drawn = draw(out)
        lines.append(str(drawn or f"no {name}: too few pictures of evaluations in {out / FOLDER}"))
    if draws is _SHEETS:
        missing = f"no {' and '.join(_PLOTS)}: matplotlib is not installed"
        lines.append(f"{missing}; pip install 'tenfold[train]', then draw them with --redraw {out}")
    return lines
