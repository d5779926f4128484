"""A batch of decoded pictures beside what they are held against, for losses that look at a part of it.

Shape legend: x_BCHW YCbCr pixels in [-0.5, 0.5].
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShownBatch:
    """Pictures, all of one shape."""

    original_BCHW: Tensor
    faithful_BCHW: Tensor
    decoded_BCHW: Tensor
    """As the decoder that learns shows them."""

    def part(self, rows: slice, columns: slice) -> ShownBatch:
        """The same part of all."""
        return ShownBatch(
            original_BCHW=self.original_BCHW[:, :, rows, columns],
            faithful_BCHW=self.faithful_BCHW[:, :, rows, columns],
            decoded_BCHW=self.decoded_BCHW[:, :, rows, columns],
        )
