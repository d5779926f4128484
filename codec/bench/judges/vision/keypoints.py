"""ORB and SIFT: are keypoints found again where they were, and known again by their descriptors?

Shape legend: N keypoints; p_N2 their places, x and y in pixels; d_ND their descriptors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from codec.bench.judges.judge import Judge, middle, refuse_small
from codec.bench.judges.vision.opencv import SHORTEST_SIDE, luma_of, no_opencv, opencv
from codec.contract import RGB

Detector = Literal["ORB", "SIFT"]

_KEYPOINTS: Final = 1000
"""The strongest of a picture, at most."""
_NEAR: Final = 2.0
"""Pixels by which a keypoint may have moved."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Keypoints:
    p_N2: npt.NDArray[np.float32]
    d_ND: npt.NDArray[np.generic] | None
    """None where there are no keypoints."""


def _matches(detector: Detector, original: RGB, decoded: RGB) -> float:
    """The share of the original's keypoints whose match lies where they do.

    A match is a pair of keypoints whose descriptors are each other's nearest. (Counted among the matches alone, a blur
    that leaves three keypoints would be perfect.)
    """
    there, found = _of_pair(detector, original, decoded)
    if there.d_ND is None or found.d_ND is None:
        return float(there.d_ND is None and found.d_ND is None)
    cv2 = opencv()
    norm = cv2.NORM_HAMMING if detector == "ORB" else cv2.NORM_L2
    pairs = cv2.BFMatcher(norm, crossCheck=True).match(there.d_ND, found.d_ND)
    one, other = (np.array([getattr(pair, end) for pair in pairs], int) for end in ("queryIdx", "trainIdx"))
    moved = np.linalg.norm(there.p_N2[one] - found.p_N2[other], axis=1)
    return int(np.count_nonzero(moved <= _NEAR)) / len(there.p_N2)


def _repeatability(detector: Detector, original: RGB, decoded: RGB) -> float:
    """The share of both pictures' keypoints that have one of the other picture's beside them."""
    there, found = (keypoints.p_N2 for keypoints in _of_pair(detector, original, decoded))
    if not len(there) or not len(found):
        return float(len(there) == len(found))
    apart_NM = np.linalg.norm(there[:, None] - found[None], axis=2)
    near = sum(int(np.count_nonzero(apart_NM.min(axis) <= _NEAR)) for axis in (0, 1))
    return near / (len(there) + len(found))


def _of_pair(detector: Detector, original: RGB, decoded: RGB) -> tuple[_Keypoints, _Keypoints]:
    refuse_small(original, SHORTEST_SIDE)
    there, found = (_detected(detector, one.shape, one.tobytes()) for one in map(middle, (original, decoded)))
    return there, found


@lru_cache(maxsize=4)
def _detected(detector: Detector, shape: tuple[int, ...], samples: bytes) -> _Keypoints:
    """The two judges of a detector look at a pair one after the other: it is searched once."""
    cv2 = opencv()
    create = cv2.ORB_create if detector == "ORB" else cv2.SIFT_create
    luma = luma_of(np.frombuffer(samples, np.uint8).reshape(shape))
    found, d_ND = create(nfeatures=_KEYPOINTS).detectAndCompute(luma, None)
    return _Keypoints(p_N2=np.array([point.pt for point in found], np.float32).reshape(-1, 2), d_ND=d_ND)


def _judges(detector: Detector, source: str, blind_to: str) -> tuple[Judge, Judge]:
    """Whether keypoints are known again, and whether they are found again."""
    matches = Judge(
        name=f"{detector} matches",
        better="higher",
        source=f"{source}; matching score of Mikolajczyk, Schmid 2005, A performance evaluation of local descriptors",
        blind_to=f"{blind_to} Keypoints on repeated patterns match each other, in the original too.",
        missing=no_opencv,
        library="OPENCV",
        of_pair=partial(_matches, detector),
    )
    repeatability = Judge(
        name=f"{detector} repeatability",
        better="higher",
        source=f"{source}; repeatability of Schmid, Mohr, Bauckhage 2000, Evaluation of interest point detectors",
        blind_to=f"{blind_to} It asks where keypoints lie, not what they look like.",
        missing=no_opencv,
        library="OPENCV",
        of_pair=partial(_repeatability, detector),
    )
    return matches, repeatability


ORB: Final = _judges(
    "ORB",
    "Rublee, Rabaud, Konolige, Bradski 2011, ORB: an efficient alternative to SIFT or SURF",
    "It looks at the strongest corners alone, which many codecs keep best.",
)
SIFT: Final = _judges(
    "SIFT",
    "Lowe 2004, Distinctive image features from scale-invariant keypoints",
    "It looks at the strongest blobs alone, many of them finer than what low rates keep.",
)
