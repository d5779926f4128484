"""A hatch, as a loss: power at multiples of 1/8 cycles a pixel that stands out from its neighbours.

The differentiable twin of the judge of spectral peaks (`codec/bench/judges/spectral_peaks.py`), with stretches as long
as its own: in shorter ones a faint hatch hides. A decoder that is trained on it says so, and is not judged by it.

Shape legend: y_BHW luma in grey levels.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

SHORTEST_SIDE: Final = 128
"""Of a picture that has a spectrum here, in pixels."""
_LINES: Final = 32
_APART: Final = 48
"""Samples from the beginning of a stretch to that of the next."""
_PEAKS: Final = (16, 32, 48, 64)
_AROUND: Final = (-4, -3, -2, 2, 3, 4)
_ROUNDING: Final = 1 / 12
"""Power of the noise of rounding to whole grey levels: what is below is no pattern."""
_AS_ORIGINALS: Final = 0.05
"""Chance makes peaks, too: logarithms so far above the original's cost nothing."""


def standing_out(decoded_BHW: Tensor, original_BHW: Tensor) -> Tensor:
    """By how much the peaks of pictures stand out further than those of their originals: the excess of their
    logarithms, mean over pictures, frequencies and directions, a scalar."""
    pairs = ((decoded_BHW, original_BHW), (decoded_BHW.mT, original_BHW.mT))
    excess = torch.stack([torch.log(_peaks(decoded) / _peaks(original)) for decoded, original in pairs])
    return torch.relu(excess - _AS_ORIGINALS).mean()


def _peaks(y_BHW: Tensor) -> Tensor:
    """(B, 4): mean over places of the power at each frequency over that of its neighbours, along rows."""
    height = y_BHW.shape[1]
    window = torch.hann_window(SHORTEST_SIDE, device=y_BHW.device)
    stretches = y_BHW[:, : height // _LINES * _LINES].unfold(2, SHORTEST_SIDE, _APART)
    waves = torch.fft.rfft((stretches - stretches.mean(-1, keepdim=True)) * window, dim=-1)
    power_BbLsF = waves.abs().square().unflatten(1, (-1, _LINES))
    power = power_BbLsF.mean(2) / window.square().sum() + _ROUNDING
    peaks = torch.tensor(_PEAKS, device=y_BHW.device)
    around = peaks[:, None] + torch.tensor(_AROUND, device=y_BHW.device)
    around = torch.minimum(around, SHORTEST_SIDE - around)  # a spectrum is mirrored at half a cycle a pixel
    ratios: Tensor = power[..., peaks] / power[..., around].mean(-1)
    return ratios.mean((1, 2))
