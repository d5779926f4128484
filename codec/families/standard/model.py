"""A model: what is done to an image before its file is written, and to what the file shows.

    image --shrink + ComCNN--> --editor--> picture of the file --> [ ordinary file ] --> shown
                                                              shown --enlarge + RecCNN--> image

Every network is built as a correction of nothing, so that an untrained model is a chain without networks, and training
only adds to it.

Shape legend: x_BCHW YCbCr planes in [-0.5, 0.5] of the image; p_BChw the same of the file's picture, h = H / shrink.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from codec.families.standard.config import BLOCK, ModelConfig, PictureConfig
from codec.families.standard.editor import Editor
from codec.families.standard.picture_network import PictureNetwork, reach_of
from codec.families.standard.soft_jpeg import steps_of

_RESIZE_REACH: Final = 8
"""Pixels of the file's picture that shrinking, enlarging and shrinking again looks at beside a place, at most."""


class StandardModel(nn.Module):
    """`before` and `after`; the file lies between them, outside the model."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.comcnn = None if config.comcnn is None else PictureNetwork(config.comcnn, shrinks=config.shrink)
        self.editor = None if config.editor is None else Editor(config.editor)
        self.reccnn = None if config.reccnn is None else PictureNetwork(config.reccnn, grows=config.shrink)

    @property
    def halo_before(self) -> int:
        """JPEG blocks beside a tile that `before` looks at."""
        further = 0 if self.config.editor is None else self.config.editor.blocks
        return _blocks_of(self.config.comcnn) + further

    @property
    def halo_after(self) -> int:
        """JPEG blocks beside a tile that `after` looks at."""
        return _blocks_of(self.config.reccnn)

    def before(self, x_BCHW: Tensor, quality_B: Tensor) -> Tensor:
        """The picture that the file is to hold, not clamped: (B, 3, H, W) -> (B, 3, h, w).

        ComCNN stands on one step of back-projection: what enlarging would miss is shrunk and added.
        """
        p_BChw = self._shrunk(x_BCHW)
        if self.comcnn is not None:
            missing_BCHW = x_BCHW - self.enlarged(p_BChw)
            p_BChw = p_BChw + self._shrunk(missing_BCHW) + self.comcnn(x_BCHW, quality_B)
        if self.editor is not None:
            p_BChw = self.editor(p_BChw, steps_of(quality_B.tolist()).to(p_BChw.device), quality_B)
        return p_BChw

    def _shrunk(self, x_BCHW: Tensor) -> Tensor:
        """Planes of the image at the size of the file's picture, bicubically."""
        if self.config.shrink == 1:
            return x_BCHW
        size = [side // self.config.shrink for side in x_BCHW.shape[2:]]
        return functional.interpolate(x_BCHW, size, mode="bicubic", antialias=True)

    def after(self, p_BChw: Tensor, quality_B: Tensor) -> Tensor:
        """The image of what the file shows, not clamped: (B, 3, h, w) -> (B, 3, H, W)."""
        x_BCHW = self.enlarged(p_BChw)
        return x_BCHW if self.reccnn is None else x_BCHW + self.reccnn(p_BChw, quality_B)

    def enlarged(self, p_BChw: Tensor) -> Tensor:
        """A picture of the file at the image's size, bicubically."""
        if self.config.shrink == 1:
            return p_BChw
        return functional.interpolate(p_BChw, scale_factor=self.config.shrink, mode="bicubic")


def _blocks_of(config: PictureConfig | None) -> int:
    """JPEG blocks beside a tile that a change of size and a network look at."""
    reach = _RESIZE_REACH if config is None else max(_RESIZE_REACH, reach_of(config))
    return -(-reach // BLOCK)
