"""What is learned when: how soon edges stand where they belong, and how soon colours are right.

Measured on the pictures that a run keeps of its evaluations. Decibels have no zero of their own, so both are told as
the share of their way: from the first evaluation (0) to the last (1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from codec.contract import RGB
from codec.training.kept_pictures import KeptPictures

LEARNING_NAME: Final = "learning.png"
REACHED: Final = 0.9
"""Share of its way at which a measure counts as learned."""
_LUMA: Final = np.array((0.299, 0.587, 0.114))
_MOST_DECIBELS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgesAndColours:
    """What one evaluation's picture shows."""

    step: int
    edges: float
    """Correlation of the strengths of luma's edges with those of the original, -1 to 1: whether they are in place."""
    chroma_db: float
    """PSNR of both colour differences, 60 at most."""


def learned(original: RGB, decoded: RGB, *, step: int = 0) -> EdgesAndColours:
    """Compare two pictures of one size."""
    return EdgesAndColours(
        step=step, edges=edge_correlation(original, decoded), chroma_db=chroma_db(original, decoded)
    )


def edge_correlation(original: RGB, decoded: RGB) -> float:
    """Pearson's, of the lengths of luma's gradients; 0 where a picture has none."""
    a, b = (_edges(picture).ravel() for picture in (original, decoded))
    if min(a.std(), b.std()) < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def chroma_db(original: RGB, decoded: RGB) -> float:
    """PSNR of blue and red less luma, in dB, peak 255."""
    a, b = (picture[..., ::2] - (picture @ _LUMA)[..., None] for picture in (original, decoded))
    squared = float(np.square(a - b).mean())
    return min(_MOST_DECIBELS, 10.0 * math.log10(255.0**2 / max(squared, 1e-9)))


def learned_over(out: Path, label: str) -> list[EdgesAndColours]:
    """What a run's pictures of one setting show, evaluation by evaluation."""
    kept = KeptPictures(out)
    original = kept.original()
    return [learned(original, kept.decoded(label, step), step=step) for step in kept.steps]


def share_of_way(values: Sequence[float]) -> list[float]:
    """Where each value lies between the first (0) and the last (1); all 1 where nothing changed."""
    way = values[-1] - values[0]
    return [1.0 if abs(way) < 1e-9 else (value - values[0]) / way for value in values]


def first_reached(steps: Sequence[int], shares: Sequence[float]) -> int:
    """The step from which on a measure has come at least `REACHED` of its way."""
    below = [number for number, share in enumerate(shares) if share < REACHED]
    return steps[below[-1] + 1] if below else steps[0]


def draw_learning(out: Path) -> Path | None:
    """Edges and colours over steps, for the smallest and the largest files.

    None without pictures of three evaluations: the shares of the first and the last are 0 and 1, whatever was learned.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.figure import Figure  # an extra: training itself must not need it

    kept = KeptPictures(out)
    if len(kept.steps) < 3:
        return None
    labels = list(dict.fromkeys((kept.labels[0], kept.labels[-1])))
    figure = Figure(figsize=(6 * len(labels), 4.5), layout="constrained")
    for axes, label in zip(figure.subplots(1, len(labels), squeeze=False)[0], labels, strict=True):
        _draw_setting(axes, label, learned_over(out, label))
    figure.supylabel("share of the way (edges: correlation; colours: dB)", fontsize="small")
    figure.savefig(out / LEARNING_NAME, dpi=110)
    return out / LEARNING_NAME


def _draw_setting(axes: Any, label: str, measures: Sequence[EdgesAndColours]) -> None:
    """Both measures of one setting over steps."""
    steps, words = [one.step for one in measures], []
    for name, values, colour in (
        ("edges", [one.edges for one in measures], "black"),
        ("colours", [one.chroma_db for one in measures], "tab:red"),
    ):
        shares = share_of_way(values)
        reached = first_reached(steps, shares)
        line = f"{name}: {values[0]:.2f} to {values[-1]:.2f}"
        axes.plot(steps[1:], shares[1:], color=colour, label=line)
        axes.axvline(reached, color=colour, linestyle=":", linewidth=1.0)
        words.append(f"{name} at {reached:,}")
    axes.axhline(REACHED, color="grey", linewidth=0.5)
    axes.set(title=f"{label}: {REACHED:.0%} of the way, {', '.join(words)}", xlabel="step")
    axes.set_xscale("log")
    axes.set_ylim(-0.5, 1.2)
    axes.legend(fontsize="small", loc="lower right")
    axes.grid(alpha=0.3)


def _edges(picture: RGB) -> npt.NDArray[np.float64]:
    down, across = np.gradient(picture @ _LUMA)
    length: npt.NDArray[np.float64] = np.hypot(down, across)
    return length
