"""Felzenszwalb's segments: does a picture fall into the same regions?"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from codec.bench.judges.judge import Judge, refuse_small
from codec.bench.judges.vision.opencv import SHORTEST_SIDE
from codec.bench.libraries import library, why_missing
from codec.contract import RGB

_SHRINK: Final = 2
"""Regions are large, and segmenting takes time: 2 s a megapixel at full size."""
_SCALE: Final = 100.0
"""More makes larger regions."""
_SMALLEST: Final = 20
"""Pixels of a region, after shrinking."""


def _rand(original: RGB, decoded: RGB) -> float:
    """F1 over pairs of pixels that lie in one region: 1 minus the adapted Rand error."""
    refuse_small(original, SHORTEST_SIDE)
    library("SCIKIT-IMAGE")
    from skimage.metrics import adapted_rand_error  # of the extra `vision`

    error, _, _ = adapted_rand_error(_regions(original), _regions(decoded), ignore_labels=())
    return 1.0 - float(error)


def _regions(pixels: RGB) -> npt.NDArray[Any]:
    from skimage.segmentation import felzenszwalb  # of the extra `vision`

    small = np.asarray(Image.fromarray(pixels).reduce(_SHRINK))
    regions: npt.NDArray[Any] = felzenszwalb(small, scale=_SCALE, min_size=_SMALLEST)
    return regions


REGIONS: Final = Judge(
    name="Felzenszwalb segments",
    better="higher",
    source="Felzenszwalb, Huttenlocher 2004, Efficient graph-based image segmentation; adapted Rand score of "
    "Arganda-Carreras and others 2015, Crowdsourcing the creation of image segmentation algorithms",
    blind_to="One pixel can join two regions, so its score jumps: believe means over many pictures. It looks at half "
    "the size.",
    missing=partial(why_missing, "SCIKIT-IMAGE"),
    library="SCIKIT-IMAGE",
    of_pair=_rand,
)
