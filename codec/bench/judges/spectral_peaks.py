"""Spectral peaks: does a pattern lie on the picture that repeats every 8, 4, 8/3 or 2 pixels?

A decoder that makes its picture from a grid of latents may leave a faint hatch where nothing else is to be seen. Other
judges hardly notice it; in the spectrum it stands out, for those of pictures of the world fall smoothly. Each stretch
of 128 samples in 32 neighbouring lines has its own spectrum, and its power at a multiple of 1/8 cycles a pixel is held
against that of its neighbours there, so that what lies on the sky counts as much as what lies on grass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from codec.bench.judges.judge import Judge, never_missing, refuse_small
from codec.bench.judges.luma import Lines, bands, both_ways
from codec.contract import RGB

_SAMPLES: Final = 128
_LINES: Final = 32
_WINDOW: Final = np.hanning(_SAMPLES + 1)[:-1].astype(np.float32)
_PEAKS: Final = np.arange(1, 5) * _SAMPLES // 8
_AROUND: Final = np.array([-4, -3, -2, 2, 3, 4])
"""A wave of a whole number of cycles leaks into the bins beside its own alone."""
_ROUNDING: Final = 1 / 12
"""Power of the noise of rounding to whole grey levels: what is below is no pattern."""


def spectral_peaks(original: RGB, decoded: RGB) -> float:
    """The highest of its peaks over the same of the original: 1 adds no pattern.

    Raises:
        NoScoreError: a side is under 128 pixels.
    """
    refuse_small(original, _SAMPLES)
    return float((_peaks(decoded) / _peaks(original)).max())


def _peaks(pixels: RGB) -> npt.NDArray[np.float64]:
    """(2, 4): mean over places of the power at each frequency over that of its neighbours, each way."""
    return np.stack([np.concatenate(list(_ratios(turned))).mean(axis=0) for turned in both_ways(pixels)])


def _ratios(pixels: RGB) -> Iterator[npt.NDArray[np.float64]]:
    """(places, 4) of each band of whole height."""
    neighbours = _PEAKS[:, None] + _AROUND
    neighbours = np.minimum(
        neighbours, _SAMPLES - neighbours
    )  # a spectrum is mirrored at half a cycle a pixel
    for band in bands(pixels, _LINES):
        if len(band) == _LINES:
            power = _power(band)
            yield power[:, _PEAKS] / power[:, neighbours].mean(axis=-1)


def _power(band: Lines) -> npt.NDArray[np.float64]:
    """(places, frequencies): of stretches that overlap by half, mean over the lines."""
    stretches = np.lib.stride_tricks.sliding_window_view(band, _SAMPLES, axis=1)[:, :: _SAMPLES // 2]
    waves = np.fft.rfft((stretches - stretches.mean(axis=-1, keepdims=True)) * _WINDOW, axis=-1)
    power: npt.NDArray[np.float64] = (np.abs(waves) ** 2).mean(axis=0) / np.square(_WINDOW).sum() + _ROUNDING
    return power


SPECTRAL_PEAKS: Final = Judge(
    name="spectral peaks",
    better="lower",
    source="ours; after the spectra in Odena, Dumoulin, Olah 2016, Deconvolution and checkerboard artifacts",
    blind_to="It sees patterns that repeat every 8, 4, 8/3 or 2 pixels along rows or columns, and nothing else.",
    missing=never_missing,
    of_pair=spectral_peaks,
)
