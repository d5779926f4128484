"""Growth curves as a picture: a panel a case, both axes logarithmic. Needs matplotlib."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jobs.bench.scale_page import CPU, Figures, growth_of, points_of

_COLUMNS: Final = 4
_PANEL: Final = (3.2, 2.4)
_NOW, _BEFORE = "#0b6e99", "#b0b0b0"
_STEPS: Final = 40


def draw(found: Figures, before: Figures | None, path: Path) -> None:
    """Write the CPU seconds of each case as a curve through its points, over those of an earlier measuring."""
    cases = found["cases"]
    rows = math.ceil(len(cases) / _COLUMNS)
    figure = Figure(figsize=(_COLUMNS * _PANEL[0], rows * _PANEL[1]), layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).flat
    for panel in panels:
        panel.set_axis_off()
    for (name, case), panel in zip(cases.items(), panels, strict=False):
        panel.set_axis_on()
        panel.set(xscale="log", yscale="log")
        panel.set_title(case["title"], fontsize=8)
        panel.tick_params(labelsize=7)
        if before is not None and name in before["cases"]:
            _curve(panel, before["cases"][name], _BEFORE)
        _curve(panel, case, _NOW)
        panel.legend(fontsize=7, frameon=False)
    figure.supxlabel("rows of the archive", fontsize=9)
    figure.supylabel("CPU seconds", fontsize=9)
    figure.savefig(path, dpi=130)


def _curve(panel: Axes, case: Figures, colour: str) -> None:
    points = {rows: value for rows, value in points_of(case, CPU).items() if value > 0}
    growth = growth_of(case, CPU)
    label = "" if growth is None else growth.words
    panel.plot(list(points), list(points.values()), "o", color=colour, markersize=4, label=label)
    if growth is not None and len(points) > 1:
        lowest, highest = math.log10(min(points)), math.log10(max(points))
        at = [10 ** (lowest + (highest - lowest) * step / _STEPS) for step in range(_STEPS + 1)]
        panel.plot(at, [growth.at(one) for one in at], "-", color=colour, linewidth=1)
