"""The iterations, as encoder, decoder and training all run them: what is seen, sent, and shown.

Shape legend as in `model.py`.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from codec.families.recurrent.config import PATCH_VALUES
from codec.families.recurrent.model import RecurrentModel, row_of

_BLUE: Final = 0.344136**2 + 1.772**2
_RED: Final = 1.402**2 + 0.714136**2
_LUMA_BLUE: Final = -0.344136 + 1.772
_LUMA_RED: Final = 1.402 - 0.714136
_BLUE_RED: Final = 0.344136 * 0.714136
"""Products of the columns of the matrix from YCbCr to RGB: what a squared error of RGB is made of."""


class PicturesSoFar:
    """Pictures as the bits sent so far show them: all that a decoder has."""

    def __init__(self, model: RecurrentModel, shape: tuple[int, int, int], device: torch.device) -> None:
        """Grey pictures: (B, h, w) blocks."""
        batch, height, width = shape
        config = model.config

        def nothing(channels: int) -> Tensor:
            values = torch.zeros(batch, height, width, channels, dtype=torch.float32, device=device)
            return values.permute(0, 3, 1, 2)

        self.model, self.iteration = model, 0
        self.linear_BKhw = nothing(PATCH_VALUES)
        """What the bits add up to."""
        self.p_hat_BKhw = self.linear_BKhw
        self.y_BMhw = nothing(config.coefficients)
        self.state_BFhw = nothing(config.width)

    def apply(self, s_BMhw: Tensor, sent_B1hw: Tensor) -> None:
        """Take one more iteration's bits: -1, 0 or 1, and 0 where nothing was sent."""
        model, iteration = self.model, self.iteration
        step = model.config.step(iteration)
        moved_BMhw = s_BMhw * (row_of(model.move_TM, iteration) * step)
        self.y_BMhw = self.y_BMhw + moved_BMhw
        for _ in range(1 + (model.config.priming if iteration == 0 else 0)):
            added_BKhw, self.state_BFhw = model.adds(
                s_BMhw, sent_B1hw, self.state_BFhw, self.y_BMhw, iteration
            )
        self.linear_BKhw = self.linear_BKhw + model.synthesis(moved_BMhw)
        self.p_hat_BKhw = self.linear_BKhw + added_BKhw * step
        self.iteration += 1


class EncoderView:
    """Pictures as the encoder sees them beside what is shown."""

    def __init__(self, p_BKhw: Tensor, model: RecurrentModel) -> None:
        """Blocks of the originals, and the model to encode with."""
        batch, _, height, width = p_BKhw.shape
        self.p_BKhw = p_BKhw
        self.shown = PicturesSoFar(model, (batch, height, width), p_BKhw.device)
        self._state_BFhw = torch.zeros_like(self.shown.state_BFhw)

    def residual(self) -> Tensor:
        """(B, K, h, w): what the shown pictures lack."""
        return self.p_BKhw - self.shown.p_hat_BKhw

    def wants(self) -> Tensor:
        """How many steps each coefficient should move in the next iteration, (B, M, h, w)."""
        shown, model = self.shown, self.shown.model
        for _ in range(1 + (model.config.priming if shown.iteration == 0 else 0)):
            wanted_BMhw, self._state_BFhw = model.wants(
                self.p_BKhw - shown.linear_BKhw, self.residual(), self._state_BFhw, shown.iteration
            )
        return wanted_BMhw


def moves(wanted_BMhw: Tensor, threshold_M: Tensor) -> Tensor:
    """What the two bits of every coefficient say: sign(v - threshold) and sign(v + threshold), half their sum."""
    threshold_1M11 = threshold_M[None, :, None, None]
    up_BMhw = (wanted_BMhw >= threshold_1M11).to(wanted_BMhw.dtype)
    down_BMhw = (wanted_BMhw <= -threshold_1M11).to(wanted_BMhw.dtype)
    return up_BMhw - down_BMhw


def squared_error(residual_BKhw: Tensor) -> Tensor:
    """(B, K, h, w) YCbCr -> mean squared error of RGB of each block, (B, 1, h, w)."""
    luma, blue, red = torch.chunk(residual_BKhw, 3, 1)
    total_Bhw: Tensor = (
        3.0 * luma.square().mean(1)
        + _BLUE * blue.square().mean(1)
        + _RED * red.square().mean(1)
        + 2.0 * (_LUMA_BLUE * (luma * blue).mean(1) + _LUMA_RED * (luma * red).mean(1))
        + 2.0 * _BLUE_RED * (blue * red).mean(1)
    )
    return (total_Bhw / 3.0)[:, None]
