"""OpenCV, which most measures here stand on."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from codec.bench.libraries import library, why_missing
from codec.contract import RGB

Luma = npt.NDArray[np.uint8]

SHORTEST_SIDE: Final = 32
"""Of a picture: ORB describes a keypoint by 31 pixels, and a line has 30."""

no_opencv: Final = partial(why_missing, "OPENCV")
"""Why what needs OpenCV cannot be had here; None if it can."""


def opencv() -> Any:
    """The module `cv2`.

    Raises:
        MissingLibraryError: it is not here.
    """
    library("OPENCV")
    import cv2  # of the extra `vision`

    return cv2


def luma_of(pixels: RGB) -> Luma:
    """Luma of BT.601, (H, W).

    Raises:
        MissingLibraryError: OpenCV is not here.
    """
    cv2 = opencv()
    luma: Luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return luma
