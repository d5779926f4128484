"""A run's curves from its log: training loss, and bpp and PSNR of the averaged weights on held-back crops."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from codec.training.log import read_log

CURVES_NAME: Final = "curves.png"
_MARKER: Final = "."
"""A short session leaves one point, through which no line goes."""


def draw_curves(out: Path) -> Path:
    """Draw the curves.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure  # an extra: training itself must not need it

    rows = read_log(out)
    losses = [row for row in rows if row["kind"] == "train" and row.get("loss") is not None]
    evaluations = [row for row in rows if row["kind"] == "evaluate"]
    kinds = evaluations[-1].get("kinds", {}) if evaluations else {}
    count = 4 if kinds else 3
    figure = Figure(figsize=(5 * count, 4.5), layout="constrained")
    loss, bpp, psnr, *by_kind = figure.subplots(1, count)
    loss.plot(
        [row["step"] for row in losses],
        [row["loss"] for row in losses],
        color="black",
        linewidth=0.8,
        marker=_MARKER,
    )
    loss.set(title="loss, training", xlabel="step", yscale="log")
    for label in [point["label"] for point in evaluations[-1]["points"]] if evaluations else []:
        bpp.plot(*_curve(evaluations, label, "bpp"), label=label, marker=_MARKER)
        psnr.plot(*_curve(evaluations, label, "psnr_db"), label=label, marker=_MARKER)
    bpp.set(title="bits per pixel, held back", xlabel="step", yscale="log")
    psnr.set(title="PSNR (dB), held back", xlabel="step")
    if evaluations and evaluations[-1]["points"]:
        psnr.legend(fontsize="small")
    for axes in by_kind:
        for kind in kinds:
            axes.plot(*_share_of_first_loss(evaluations, kind), label=kind)
        axes.set(title="loss by kind, held out, % of the first", xlabel="step")
        axes.legend(fontsize="small")
    for axes in (loss, bpp, psnr, *by_kind):
        axes.grid(alpha=0.3)
    figure.savefig(out / CURVES_NAME, dpi=110)
    return out / CURVES_NAME


def _share_of_first_loss(evaluations: list[dict[str, Any]], kind: str) -> tuple[list[int], list[float]]:
    """Steps and the family's own measure of a kind of images; empty for a family that has none."""
    pairs = [
        (row["step"], row["kinds"][kind]["loss"])
        for row in evaluations
        if "loss" in row.get("kinds", {}).get(kind, {})
    ]
    return [step for step, _ in pairs], [100.0 * value / pairs[0][1] for _, value in pairs]


def _curve(evaluations: list[dict[str, Any]], label: str, name: str) -> tuple[list[int], list[float]]:
    pairs = [
        (row["step"], point[name])
        for row in evaluations
        for point in row["points"]
        if point["label"] == label and point[name] is not None
    ]
    return [step for step, _ in pairs], [value for _, value in pairs]
