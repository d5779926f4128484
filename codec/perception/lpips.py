"""LPIPS: how far apart two pictures are in the features of a classifier, weighted by what people said.

Zhang, Isola, Efros, Shechtman, Wang 2018, The unreasonable effectiveness of deep features as a perceptual metric;
version 0.1 of its weights, as the reference implementation has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, Literal

import torch
from torch import Tensor, nn

from codec.perception import alexnet, vgg16
from codec.perception.alexnet import AlexNet
from codec.perception.array_pickle import arrays_of
from codec.perception.packaged import LPIPS_ALEXNET, LPIPS_VGG16, PackagedWeights
from codec.perception.vgg16 import Vgg16

Network = Literal["AlexNet", "VGG16"]
WEIGHTS: Final[dict[Network, PackagedWeights]] = {"AlexNet": LPIPS_ALEXNET, "VGG16": LPIPS_VGG16}
SHORTEST_SIDE: Final[dict[Network, int]] = {"AlexNet": alexnet.SHORTEST_SIDE, "VGG16": vgg16.SHORTEST_SIDE}
_SHIFT: Final = (-0.030, -0.088, -0.188)
_SCALE: Final = (0.458, 0.448, 0.450)
_NEVER_ZERO: Final = 1e-10


class Lpips(nn.Module):
    """Two batches of pictures to one distance each, 0 where they are identical.

    No weight of it learns; gradients reach the pictures, so it can be a loss. A model that was trained on it is not
    judged by it: `codec/bench/judges/trained_on.py` marks it.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, heads: list[Tensor]) -> None:
        """Take what sees, and a weight for each of its channels, stage by stage."""
        super().__init__()
        self.network = network
        self.heads = nn.ParameterList(nn.Parameter(head, requires_grad=False) for head in heads)
        self.register_buffer("shift", torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)

    def forward(self, original_BCHW: Tensor, decoded_BCHW: Tensor) -> Tensor:
        """(B,) distances of RGB in [0, 1]."""
        return self.apart(self.stages(original_BCHW), self.stages(decoded_BCHW))

    def stages(self, x_BCHW: Tensor) -> list[Tensor]:
        """What the network sees of RGB in [0, 1], stage by stage, (B, F, h, w), of length 1 at every place."""
        seen: list[Tensor] = self.network((2.0 * x_BCHW - 1.0 - self.shift) / self.scale)
        return [_unit(stage) for stage in seen]

    def apart(self, original: Sequence[Tensor], decoded: Sequence[Tensor]) -> Tensor:
        """(B,) distances of pictures of which `stages` told this."""
        pairs = zip(original, decoded, self.heads, strict=True)
        distances = [
            torch.einsum("c,bchw->b", head, (one - other).square()) / (one.shape[2] * one.shape[3])
            for one, other, head in pairs
        ]
        return torch.stack(distances).sum(dim=0)


@cache
@torch.inference_mode(mode=False)  # whoever loads it first: others may want gradients
def load_lpips(network: Network) -> Lpips:
    """With the weights of its authors.

    Raises:
        WeightsError: their package is not here, or holds others.
    """
    arrays = arrays_of(WEIGHTS[network].read())
    seeing = AlexNet(arrays) if network == "AlexNet" else Vgg16(arrays)
    return Lpips(seeing, [_head(arrays, stage) for stage in range(5)]).eval()


def _head(arrays: Mapping[str, Tensor], stage: int) -> Tensor:
    return arrays[f"NetLinLayer_{stage}/Conv_0/kernel"].reshape(-1)


def _unit(x_BCHW: Tensor) -> Tensor:
    """Of length 1 at every place."""
    return x_BCHW / (x_BCHW.square().sum(dim=1, keepdim=True).sqrt() + _NEVER_ZERO)
