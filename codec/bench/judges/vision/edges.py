"""Canny edges: are outlines where they were?"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from codec.bench.judges.judge import Judge, refuse_small
from codec.bench.judges.vision.agreement import f1
from codec.bench.judges.vision.opencv import SHORTEST_SIDE, luma_of, no_opencv, opencv
from codec.contract import RGB

_BLUR_SIGMA: Final = 1.4
"""Pixels: OpenCV's Canny leaves the smoothing of Canny's paper to its caller."""
_WEAK: Final = 30
"""Gradient down to which an edge goes on: a step of 13 levels, smoothed."""
_STRONG: Final = 90
"""Gradient at which an edge begins: three times as much, as Canny recommends at most."""
_SLACK: Final = 1
"""Pixels by which an edge may have moved, each way."""


def edges_of(pixels: RGB) -> npt.NDArray[np.uint8]:
    """255 on an edge, 0 elsewhere, (H, W).

    Raises:
        MissingLibraryError: OpenCV is not here.
    """
    cv2 = opencv()
    smooth = cv2.GaussianBlur(luma_of(pixels), (0, 0), _BLUR_SIGMA)
    edges: npt.NDArray[np.uint8] = cv2.Canny(smooth, _WEAK, _STRONG, L2gradient=True)
    return edges


def _edge_f1(original: RGB, decoded: RGB) -> float:
    refuse_small(original, SHORTEST_SIDE)
    there, found = edges_of(original), edges_of(decoded)
    return f1(
        found=_count(found),
        sound=_count(found & _widened(there)),
        there=_count(there),
        seen=_count(there & _widened(found)),
    )


def _count(edges: npt.NDArray[np.uint8]) -> int:
    return int(np.count_nonzero(edges))


def _widened(edges: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    side = 2 * _SLACK + 1
    wide: npt.NDArray[np.uint8] = opencv().dilate(edges, np.ones((side, side), np.uint8))
    return wide


EDGES: Final = Judge(
    name="Canny edges",
    better="higher",
    source="Canny 1986, A computational approach to edge detection; F1 as in Martin, Fowlkes, Malik 2004, Learning to "
    "detect natural image boundaries, with a slack of 1 pixel",
    blind_to="It sees outlines of some contrast, neither the colours between them nor texture below its thresholds.",
    missing=no_opencv,
    library="OPENCV",
    of_pair=_edge_f1,
)
