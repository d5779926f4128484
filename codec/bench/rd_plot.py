"""The curves of a report as a picture: PSNR and MS-SSIM over bits per pixel on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from codec.bench.comparison import ms_ssim_db
from codec.bench.rd_report import Line, RdReport

_TICKS_BPP = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_RANGE_BPP = (0.04, 6.0)


def draw(report: RdReport, folder: Path) -> list[Path]:
    """Write rd.svg and rd.png.

    Raises:
        OSError: the folder cannot be written.
    """
    figure = Figure(figsize=(15, 7.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _panel(left, report, "PSNR over RGB, dB", [_psnr(line) for line in report.lines])
    _panel(right, report, "MS-SSIM, dB: -10 log10(1 - x)", [_ms_ssim(line) for line in report.lines])
    figure.suptitle(f"{report.ours.title}, {report.images} images, {report.circumstances['date']}")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    paths = [folder / "rd.svg", folder / "rd.png"]
    for path in paths:
        figure.savefig(path, dpi=120)
    return paths


def _panel(axes: Axes, report: RdReport, title: str, curves: Sequence[list[tuple[float, float]]]) -> None:
    colours = colormaps["tab20"]
    for number, (line, points) in enumerate(zip(report.lines, curves, strict=True)):
        ours = line is report.ours
        axes.plot(
            [bpp for bpp, _ in points],
            [score for _, score in points],
            label=f"{line.title} (published)" if line.published else line.title,
            color="black" if ours else colours((number - 1) % 20),
            linewidth=2.8 if ours else 1.3,
            linestyle="--" if line.published else "-",
            marker="o" if ours else ".",
            markersize=5,
            zorder=3 if ours else 2,
        )
    axes.set_xscale("log")
    axes.set_xlim(_RANGE_BPP)
    axes.xaxis.set_major_locator(FixedLocator(_TICKS_BPP))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda bpp, _: f"{bpp:g}"))
    axes.set_xlabel("bits per pixel")
    axes.set_title(title)
    axes.grid(alpha=0.3)


def _psnr(line: Line) -> list[tuple[float, float]]:
    return [(point.bpp, point.psnr_db) for point in line.points if math.isfinite(point.psnr_db)]


def _ms_ssim(line: Line) -> list[tuple[float, float]]:
    scored = [(p.bpp, ms_ssim_db(p.ms_ssim)) for p in line.points if p.ms_ssim is not None]
    return [(bpp, score) for bpp, score in scored if math.isfinite(score)]
