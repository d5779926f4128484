"""Hough lines: are straight segments where they were?

Shape legend: s_N4 segments, x and y of both ends in pixels.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from codec.bench.judges.judge import Judge, refuse_small
from codec.bench.judges.vision.agreement import f1
from codec.bench.judges.vision.edges import edges_of
from codec.bench.judges.vision.opencv import SHORTEST_SIDE, no_opencv, opencv
from codec.contract import RGB

Segments = npt.NDArray[np.float64]

_VOTES: Final = 50
"""Edge pixels on a line."""
_SHORTEST: Final = 30
"""Pixels of a segment."""
_WIDEST_GAP: Final = 3
"""Pixels between two segments that are one."""
_NEAR: Final = 5.0
"""Pixels from the middle of a segment to the other."""
_TURNED: Final = math.radians(3.0)


def _line_f1(original: RGB, decoded: RGB) -> float:
    """F1 of the segments' lengths. Where a segment ends depends on a few pixels, so two match that lie on one line."""
    refuse_small(original, SHORTEST_SIDE)
    there, found = _segments(original), _segments(decoded)
    lengths_there, lengths_found = _lengths(there), _lengths(found)
    return f1(
        found=float(lengths_found.sum()),
        sound=float(lengths_found[_met(found, there)].sum()),
        there=float(lengths_there.sum()),
        seen=float(lengths_there[_met(there, found)].sum()),
    )


def _segments(pixels: RGB) -> Segments:
    """OpenCV draws the order in which it looks at edges from a generator of its own, seeded anew at every call."""
    found = opencv().HoughLinesP(
        edges_of(pixels), 1.0, math.radians(1.0), _VOTES, minLineLength=_SHORTEST, maxLineGap=_WIDEST_GAP
    )
    return np.empty((0, 4)) if found is None else found.reshape(-1, 4).astype(np.float64)


def _met(s_N4: Segments, others_M4: Segments) -> npt.NDArray[np.bool_]:
    """Which of some segments have one of the others beside their middle, of nearly their direction."""
    if not len(s_N4) or not len(others_M4):
        return np.zeros(len(s_N4), bool)
    start_M2, along_M2 = others_M4[:, :2], others_M4[:, 2:] - others_M4[:, :2]
    offset_NM2 = (s_N4[:, None, :2] + s_N4[:, None, 2:]) / 2.0 - start_M2
    at_NM = (offset_NM2 * along_M2).sum(2) / np.square(along_M2).sum(1)
    apart_NM = np.linalg.norm(offset_NM2 - at_NM.clip(0.0, 1.0)[..., None] * along_M2, axis=2)
    turned_NM = np.abs(_directions(s_N4)[:, None] - _directions(others_M4))
    turned_NM = np.minimum(turned_NM, math.pi - turned_NM)
    met_N: npt.NDArray[np.bool_] = ((apart_NM <= _NEAR) & (turned_NM <= _TURNED)).any(1)
    return met_N


def _directions(s_N4: Segments) -> npt.NDArray[np.float64]:
    """From 0 to pi: a segment has no head."""
    return np.arctan2(s_N4[:, 3] - s_N4[:, 1], s_N4[:, 2] - s_N4[:, 0]) % math.pi


def _lengths(s_N4: Segments) -> npt.NDArray[np.float64]:
    return np.hypot(s_N4[:, 2] - s_N4[:, 0], s_N4[:, 3] - s_N4[:, 1])


LINES: Final = Judge(
    name="Hough lines",
    better="higher",
    source="Matas, Galambos, Kittler 2000, Robust detection of lines using the progressive probabilistic Hough "
    "transform; F1 by length, matched within 5 pixels and 3 degrees",
    blind_to="It sees straight outlines of at least 30 pixels: pictures without them have few or none to lose.",
    missing=no_opencv,
    library="OPENCV",
    of_pair=_line_f1,
)
