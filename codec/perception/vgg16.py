"""The five stages of VGG16's convolutions (Simonyan, Zisserman 2014), trained on ImageNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from codec.perception.frozen_conv import from_channels_last, frozen_conv

CHANNELS: Final = (64, 128, 256, 512, 512)
SHORTEST_SIDE: Final = 16
"""Of a picture of which something is left for the last stage, in pixels."""
_CONVS: Final = (2, 2, 3, 3, 3)

Pool = Callable[[Tensor], Tensor]


def max_pool(x_BCHW: Tensor) -> Tensor:
    """As the classifier was trained."""
    return functional.max_pool2d(x_BCHW, 2)


class Vgg16(nn.Module):
    """A picture, normalised as the classifier was trained, to the features of every stage."""

    def __init__(self, arrays: Mapping[str, Tensor], pool: Pool = max_pool) -> None:
        """Take kernels and biases by their path, as `arrays_of` gives them, and what halves between stages."""
        super().__init__()
        self._pool = pool
        self.convs = nn.ModuleList(
            frozen_conv(
                from_channels_last(arrays[f"VGG16_0/Conv_{number}/kernel"]),
                arrays[f"VGG16_0/Conv_{number}/bias"],
                padding=1,
            )
            for number in range(sum(_CONVS))
        )

    def forward(self, x_BCHW: Tensor) -> list[Tensor]:
        """After the last rectifier of each."""
        stages: list[Tensor] = []
        convs = iter(self.convs)
        for count in _CONVS:
            if stages:
                x_BCHW = self._pool(x_BCHW)
            for _ in range(count):
                x_BCHW = functional.relu(next(convs)(x_BCHW))
            stages.append(x_BCHW)
        return stages
