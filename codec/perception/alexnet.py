"""The five stages of AlexNet's convolutions (Krizhevsky 2014, the variant for one GPU), trained on ImageNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from codec.perception.frozen_conv import from_channels_last, frozen_conv

CHANNELS: Final = (64, 192, 384, 256, 256)
SHORTEST_SIDE: Final = 31
"""Of a picture of which something is left for the last stage, in pixels."""
_STRIDES: Final = (4, 1, 1, 1, 1)
_PADDINGS: Final = (2, 2, 1, 1, 1)
_POOLED_BEFORE: Final = (1, 2)


class AlexNet(nn.Module):
    """A picture, normalised as the classifier was trained, to the features of every stage."""

    def __init__(self, arrays: Mapping[str, Tensor]) -> None:
        """Take kernels and biases by their path, as `arrays_of` gives them."""
        super().__init__()
        self.convs = nn.ModuleList(
            frozen_conv(
                from_channels_last(arrays[f"AlexNet_0/Conv_{number}/kernel"]),
                arrays[f"AlexNet_0/Conv_{number}/bias"],
                stride=stride,
                padding=padding,
            )
            for number, (stride, padding) in enumerate(zip(_STRIDES, _PADDINGS, strict=True))
        )

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        """After each rectifier."""
        stages = []
        for number, conv in enumerate(self.convs):
            if number in _POOLED_BEFORE:
                x_BCHW = functional.max_pool2d(x_BCHW, 3, 2)
            x_BCHW = functional.relu(conv(x_BCHW))
            stages.append(x_BCHW)
        return stages
