"""Symbols of channels that hardly change from place to place, as differences from the place before.

Whole numbers and sums of them: exact on every machine, and no network is asked. A colour's mean is such a channel.

Shape legend: s_BChw symbols.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from codec.entropy.range_coder import Symbols
from codec.entropy.tables import SYMBOL_LIMIT

MOST: Final = SYMBOL_LIMIT // 2
"""A symbol of such a channel is no larger, so that no difference is too large to be coded."""


def chained(s_BChw: Symbols, channels: int) -> Symbols:
    """The first channels as differences: from the left; in the first column, from above."""
    out_BChw = s_BChw.copy()
    s_BKhw = s_BChw[:, :channels].clip(-MOST, MOST)
    links_BKhw = np.diff(s_BKhw, axis=3, prepend=0)
    links_BKhw[..., 0] = np.diff(s_BKhw[..., 0], axis=2, prepend=0)
    out_BChw[:, :channels] = links_BKhw
    return out_BChw


def unchained(s_BChw: Symbols, channels: int) -> npt.NDArray[np.int64]:
    """The inverse."""
    out_BChw = s_BChw.astype(np.int64)
    out_BChw[:, :channels, :, 0] = out_BChw[:, :channels, :, 0].cumsum(2)
    out_BChw[:, :channels] = out_BChw[:, :channels].cumsum(3)
    return out_BChw
