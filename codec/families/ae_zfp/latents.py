"""What a payload of `ae-zfp-1` holds.

Shape legend: symbols_hwC integers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.families.ae_zfp.zfp import Symbols


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZfpLatents:
    """What a payload holds: symbols, and the step that they are multiples of."""

    symbols_hwC: Symbols
    step: float
    width: int
    height: int
    weights_digest: bytes
    symbols_crc32: int

    def y_hat(self) -> npt.NDArray[np.float32]:
        """(C, h, w)."""
        symbols_Chw = np.ascontiguousarray(self.symbols_hwC.transpose(2, 0, 1))
        return symbols_Chw.astype(np.float32) * np.float32(self.step)

    def tile(self, rows: slice, columns: slice) -> Tensor:
        """Those of some rows and columns, (1, C, h, w), on the CPU."""
        part_Chw = np.ascontiguousarray(self.symbols_hwC[rows, columns].transpose(2, 0, 1))
        return torch.from_numpy(part_Chw).float()[None] * self.step


def crc32_of(symbols_hwC: Symbols) -> int:
    """Of the symbols as little-endian int16."""
    crc32 = 0
    for row_wC in symbols_hwC:  # by rows: no second copy of a large image's symbols
        crc32 = zlib.crc32(np.ascontiguousarray(row_wC, dtype="<i2").tobytes(), crc32)
    return crc32
