"""The head `labels`: latents to a small picture, and from there, as its teacher does, to classes.

    y_hat (first channels) --a matrix--> picture at 1/1 to 1/16 --resize--> view, 192 pixels along its shorter side
        --convolution, bottlenecks--> features at 1/32 --mean, scale--> 1,280 values --> logits
                                                                              --> embedding

The small picture is the linear path of the codec's synthesis, averaged over the pixels that become one, as the codec's
own small pictures are. The network is EfficientNet-Lite0, begun with the weights of its authors: what it learns here is
to look at pictures that are smaller than those it knows, and that lack what the later latents would add.

Shape legend: y_BKhw the first latents; x_BCHW views, RGB in [-1, 1]; f_BF the features' means; e_BE embeddings.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.families.hyper.config import GRID, PATCH_VALUES
from codec.families.hyper.heads.config import BottleneckShape, LabelsConfig
from codec.parts.blocks import product_in_float32
from codec.parts.space_to_channels import from_patches
from codec.perception.inverted_residuals import Bottleneck, SameConv

_FARTHEST: Final = 16
"""Pixels of a large picture that become one, each way, at most: as many as one latent stands for."""
_LONGEST: Final = 4
"""Longer sides over shorter ones of what is looked at, at most: a strip of one pixel would become a wall."""

_SWAPS_SIDES: Final = (5, 6, 7, 8)
_MIRRORED: Final = (2, 3, 6, 7)
_UPSIDE_DOWN: Final = (3, 4, 7, 8)
"""EXIF orientations: what they ask of who shows a picture, in this order."""


class LabelNetwork(nn.Module):
    """Latents -> what is to be seen."""

    def __init__(self, config: LabelsConfig) -> None:
        super().__init__()
        self.config = config
        self.shown: Tensor
        """(3 x 16 x 16, channels): the linear path of the codec's synthesis, as RGB in [-1, 1]."""
        self.register_buffer("shown", torch.zeros(PATCH_VALUES, config.channels))
        self.stem = _conv(3, config.stem, side=3, stride=2)
        self.blocks = nn.Sequential(*[_bottleneck(shape) for shape in config.blocks])
        self.widen = _conv(config.blocks[-1].channels_out, config.features)
        self.scale = nn.Parameter(torch.ones(config.features))
        """What features are multiplied by: those of smaller pictures are larger."""
        self.classify = nn.Linear(config.features, config.classes)
        self.embed = nn.Linear(config.features, config.embedding)

    def shrinking(self, height: int, width: int) -> int:
        """What a picture of so many pixels is divided by: 1 to 16, while its shorter side is as long as a view's."""
        times = 1
        while times < _FARTHEST and min(height, width) >= 2 * times * self.config.side:
            times *= 2
        return times

    def channels_of(self, height: int, width: int) -> int:
        """How many latent channels, from the first, a picture of so many pixels is read by."""
        return self.config.channels if self.shrinking(height, width) == 1 else self.config.coarse

    def view(self, y_BKhw: Tensor, height: int, width: int) -> Tensor:
        """(B, channels_of(H, W), h, w) of pictures of H x W pixels -> what is looked at."""
        times = self.shrinking(height, width)
        side = GRID // times
        averaged = self.shown[:, : y_BKhw.shape[1]].view(3, side, times, side, times, -1).mean((2, 4))
        x_BCHW = from_patches(product_in_float32(y_BKhw, averaged.flatten(0, 2)[:, :, None, None]), side)
        return resized(x_BCHW[:, :, : -(-height // times), : -(-width // times)], self.config.side).clamp(
            -1.0, 1.0
        )

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Views -> (B, E) embeddings and (B, classes) logits."""
        f_BF = self.features(x_BCHW)
        return self.embed(f_BF), self.classify(f_BF)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """Views -> (B, F)."""
        x_BCHW = self.stem(x_BCHW.contiguous(memory_format=torch.channels_last))
        f_BFuv = self.widen(self.blocks(functional.relu6(x_BCHW, inplace=True)))
        return functional.relu6(f_BFuv, inplace=True).mean((2, 3)) * self.scale


def resized(x_BCHW: Tensor, side: int) -> Tensor:
    """Pictures whose shorter side is `side`; of a strip, whose longer one is `_LONGEST` times that."""
    height, width = x_BCHW.shape[2:]
    scale = min(side / min(height, width), _LONGEST * side / max(height, width))
    if scale == 1.0:
        return x_BCHW
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return functional.interpolate(
        x_BCHW.contiguous(), size=size, mode="bilinear", antialias=True, align_corners=False
    )


def upright(x_BCHW: Tensor, orientation: int | None) -> Tensor:
    """Pictures of an EXIF orientation, 1 to 8, as they are to be looked at; of none, as they are."""
    if orientation in _SWAPS_SIDES:
        x_BCHW = x_BCHW.transpose(2, 3)
    sides = [side for side, turned in ((2, _UPSIDE_DOWN), (3, _MIRRORED)) if orientation in turned]
    return x_BCHW.flip(sides) if sides else x_BCHW


def _bottleneck(shape: BottleneckShape) -> Bottleneck:
    expanded = shape.expanded
    expand = [_conv(shape.channels_in, expanded)] if expanded != shape.channels_in else []
    depthwise = _conv(expanded, expanded, side=shape.side, stride=shape.stride, groups=expanded)
    return Bottleneck(*expand, depthwise, _conv(expanded, shape.channels_out))


def _conv(
    channels_in: int, channels_out: int, *, side: int = 1, stride: int = 1, groups: int = 1
) -> SameConv:
    return SameConv(channels_in, channels_out, side, stride=stride, groups=groups, pads_behind=True)
