"""Kernel distance: do the decoded pictures, as a set, look like pictures of the same world?

After the kernel Inception distance of Binkowski et al.: the squared maximum mean discrepancy, with the kernel
(x . y / d + 1)^3, between what a classifier sees in windows of the originals and of the decoded pictures. It is not
paired: texture that lies elsewhere costs nothing, texture that is missing or artificial does.

Theirs is computed with Inception, trained for FID. No package here holds those weights, so there is no KID and no FID:
a number of another network under that name could be compared with none that was published. A Frechet distance would
ask for thousands of pictures, too, to estimate the covariance of 1,280 features; the kernel distance is unbiased.

The windows are 128 pixels wide and lie every 32 pixels; some 2,300 of a set count, at most 96 of a picture. Because a
decoded picture stands for each original, the pair (x_i, y_i) is left out as (x_i, x_i) is, and identical sets are at 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import numpy.typing as npt

from codec.bench.judges.judge import Judge, NoScoreError, middle, refuse_small
from codec.bench.kodak import image_digest
from codec.contract import RGB
from codec.perception.packaged import EFFICIENTNET_LITE0, MOBILENET_V2

if TYPE_CHECKING:  # torch: only where it is asked for
    from codec.perception.inverted_residuals import Classifier

ClassifierName = Literal["EfficientNet-Lite0", "MobileNetV2"]
LITE0_NAME: Final[ClassifierName] = "EfficientNet-Lite0"
Features = npt.NDArray[np.float32]
"""(windows, 1280): what a classifier sees in each window, mean over it."""
WINDOW: Final = 128
_STRIDE: Final = 32
"""Of the classifiers: pixels from one place of their features to the next."""
MOST_WINDOWS: Final = 96
"""Of one picture."""
LEAST_WINDOWS: Final = 32
"""Of a set, for its floor: what fewer say is chance."""
WINDOWS: Final = 24 * MOST_WINDOWS
"""Of a set, about, where its pictures allow."""
_MOST_PIXELS: Final = 1_000_000
_SEED: Final = 0
_ROWS: Final = 1024
_KEPT_ORIGINALS: Final = 256
"""Of half a megabyte each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """What was seen of one picture and of what was decoded of it, window by window."""

    original: Features
    decoded: Features


def windows_each(pictures: int) -> int:
    """How many windows of each picture of a set count."""
    return min(MOST_WINDOWS, -(-WINDOWS // max(pictures, 1)))


def windows_of(
    classifier: ClassifierName, original: RGB, decoded: RGB, *, most: int = MOST_WINDOWS
) -> Windows:
    """The features of the same windows of both; of large pictures, of their middle.

    Raises:
        WeightsError: the package with the weights is not here.
        NoScoreError: the picture is smaller than a window.
    """
    return Windows(
        original=features_of(classifier, original, most), decoded=features_of(classifier, decoded, most)
    )


def features_of(classifier: ClassifierName, pixels: RGB, most: int) -> Features:
    """What is seen in the windows of a picture, which are spread evenly where it has more than are wanted.

    Raises:
        WeightsError, NoScoreError: as `windows_of`.
    """
    refuse_small(pixels, WINDOW)
    from torch.nn import functional

    from codec.bench.judges.judging import judging
    from codec.colour import pixels_to_rgb
    from codec.perception.inverted_residuals import load_classifier

    with judging():
        seen_1CHW = load_classifier(_named(classifier))(pixels_to_rgb(middle(pixels, _MOST_PIXELS)))
        windows_1CHW = functional.avg_pool2d(seen_1CHW, WINDOW // _STRIDE, stride=1)
    features: Features = windows_1CHW[0].flatten(1).T.numpy()
    spread = np.linspace(0, len(features) - 1, min(len(features), most)).round().astype(int)
    return np.ascontiguousarray(features[spread])


def kernel_distance(windows: Sequence[Windows]) -> float:
    """Of all originals and all that was decoded of them.

    Raises:
        NoScoreError: there are under two windows.
    """
    return _distance(
        np.concatenate([one.original for one in windows]), np.concatenate([one.decoded for one in windows])
    )


def floor_of(originals: Sequence[Features]) -> float:
    """Of two random halves of the windows of originals: what chance makes of no difference.

    Raises:
        NoScoreError: there are under `LEAST_WINDOWS`.
    """
    every = np.concatenate(originals)
    if len(every) < LEAST_WINDOWS:
        raise NoScoreError(f"expected {LEAST_WINDOWS} windows or more for a floor, got {len(every)}")
    order = np.random.default_rng(_SEED).permutation(len(every))
    half = len(every) // 2
    return _distance(every[order[:half]], every[order[half : 2 * half]])


def _distance(a: Features, b: Features) -> float:
    count = len(a)
    if count < 2:
        raise NoScoreError(f"expected at least two windows of {WINDOW} x {WINDOW} pixels, got {count}")
    total = _sum_of_others(a, a) + _sum_of_others(b, b) - 2.0 * _sum_of_others(a, b)
    return total / (count * (count - 1))


def _sum_of_others(a: Features, b: Features) -> float:
    """Sum of the kernel over all (i, j) but i = j."""
    total = 0.0
    for start in range(0, len(a), _ROWS):
        rows = a[start : start + _ROWS]
        kernel = (rows @ b.T / np.float32(a.shape[1]) + np.float32(1.0)) ** 3
        here = np.arange(len(rows))
        total += float(kernel.sum(dtype=np.float64) - kernel[here, start + here].sum(dtype=np.float64))
    return total


def _named(name: ClassifierName) -> Classifier:
    from codec.perception.inverted_residuals import LITE0, MOBILENET

    return LITE0 if name == LITE0.name else MOBILENET


class _Originals:
    """Originals are held against one codec after the other: what was seen of the last of them is kept."""

    def __init__(self) -> None:
        self._seen: dict[tuple[ClassifierName, str, int], Features] = {}

    def features_of(self, classifier: ClassifierName, original: RGB, most: int) -> Features:
        key = (classifier, image_digest(original), most)
        if key not in self._seen:
            self._seen[key] = features_of(classifier, original, most)
            if len(self._seen) > _KEPT_ORIGINALS:
                del self._seen[next(iter(self._seen))]
        return self._seen[key]


_ORIGINALS: Final = _Originals()


def _of_set(classifier: ClassifierName, originals: Sequence[RGB], decoded: Sequence[RGB]) -> float:
    most = windows_each(len(originals))
    pairs = zip(originals, decoded, strict=True)
    return kernel_distance(
        [
            Windows(
                original=_ORIGINALS.features_of(classifier, a, most), decoded=features_of(classifier, b, most)
            )
            for a, b in pairs
        ]
    )


def _floor(classifier: ClassifierName, originals: Sequence[RGB]) -> float:
    most = windows_each(len(originals))
    return floor_of([_ORIGINALS.features_of(classifier, original, most) for original in originals])


_SOURCE: Final = "Binkowski, Sutherland, Arbel, Gretton 2018, Demystifying MMD GANs (the kernel distance)"

KD_LITE0: Final = Judge(
    name="KD-lite0",
    better="lower",
    source=f"{_SOURCE}, on EfficientNet-Lite0 (Liu 2020)",
    blind_to="It does not hold a picture against its own original: a set of convincing other pictures scores well.",
    missing=EFFICIENTNET_LITE0.missing,
    of_set=partial(_of_set, LITE0_NAME),
    floor=partial(_floor, LITE0_NAME),
)
KD_MOBILENET: Final = Judge(
    name="KD-mobilenet2",
    better="lower",
    source=f"{_SOURCE}, on MobileNetV2 (Sandler et al. 2018)",
    blind_to="As KD-lite0; a second opinion, whose scale is another.",
    missing=MOBILENET_V2.missing,
    of_set=partial(_of_set, "MobileNetV2"),
    floor=partial(_floor, "MobileNetV2"),
)
