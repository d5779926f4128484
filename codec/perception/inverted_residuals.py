"""Two small classifiers of one kind, trained on ImageNet: EfficientNet-Lite0 (Liu 2020) and MobileNetV2 (Sandler 2018).

Both are a stem, a chain of blocks (expand with 1x1, depthwise, project with 1x1, added to the input where its shape
stays) and a head of 1,280 channels, with ReLU6. They differ in widths, kernels, and where zeros are put around the
picture. Their batch norms are folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.errors import WeightsError
from codec.perception.packaged import EFFICIENTNET_LITE0, MOBILENET_V2, PackagedWeights

FEATURES: Final = 1280
STRIDE: Final = 32
_TENSORS_A_CONV: Final = 6
"""Its kernel, and its batch norm's scale, shift, mean, variance and count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classifier:
    """What tells one of them from another."""

    name: str
    weights: PackagedWeights
    stages: tuple[tuple[int, int], ...]
    """Blocks, and the stride of the first; kernels and widths are those of the weights."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    """What its input was normalised with."""
    epsilon: float
    """Of its batch norms."""
    pads_behind: bool
    """TensorFlow's way: of the zeros around a picture of even sides, the odd one goes to the right and below."""


LITE0: Final = Classifier(
    name="EfficientNet-Lite0",
    weights=EFFICIENTNET_LITE0,
    stages=((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)),
    mean=(0.498, 0.498, 0.498),
    std=(0.502, 0.502, 0.502),
    epsilon=1e-3,
    pads_behind=True,
)
MOBILENET: Final = Classifier(
    name="MobileNetV2",
    weights=MOBILENET_V2,
    stages=((1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)),
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    epsilon=1e-5,
    pads_behind=False,
)


class SameConv(nn.Conv2d):
    """A convolution that leaves as many positions as its stride says, whatever the size of what it sees."""

    def __init__(
        self, channels_in: int, channels_out: int, side: int, *, stride: int, groups: int, pads_behind: bool
    ) -> None:
        """Not begun.

        Args:
            channels_in: of what it sees.
            channels_out: of what it gives.
            side: of its kernel.
            stride: 1 or 2.
            groups: 1, or as many as channels.
            pads_behind: see `Classifier`.
        """
        behind = pads_behind and stride == 2
        padding = 0 if behind else side // 2
        super().__init__(channels_in, channels_out, side, stride=stride, padding=padding, groups=groups)
        self._behind = behind

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride) rounded up."""
        if self._behind:
            x_BCHW = functional.pad(x_BCHW, _zeros_around(x_BCHW, self.kernel_size[0]))
        return super().forward(x_BCHW)


class Bottleneck(nn.Sequential):
    """Expand with 1x1, depthwise, project with 1x1; added to its input where its shape stays."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        *bent, project = self
        y_BCHW = x_BCHW
        for conv in bent:
            y_BCHW = functional.relu6(conv(y_BCHW), inplace=True)  # new memory costs a quarter of the time
        out_BCHW: Tensor = project(y_BCHW)
        return x_BCHW + out_BCHW if x_BCHW.shape == out_BCHW.shape else out_BCHW


class InvertedResiduals(nn.Module):
    """Pictures to the features that the classifier decides by, and to its classes."""

    mean: Tensor
    std: Tensor

    def __init__(self, kind: Classifier, weights: Mapping[str, Tensor]) -> None:
        """Take tensors in the order in which they are used, whatever they are called."""
        super().__init__()
        *convs, self.classes_KC, self.classes_K = weights.values()
        folded = _folded(convs, kind.epsilon)
        self._behind = kind.pads_behind
        self.register_buffer("mean", torch.tensor(kind.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(kind.std).view(1, 3, 1, 1), persistent=False)
        self.stem = self._conv(next(folded), stride=2)
        self.blocks = nn.Sequential()
        for number, (count, stride) in enumerate(kind.stages):
            for place in range(count):
                expand = [] if number == 0 else [self._conv(next(folded))]
                depthwise = self._conv(next(folded), stride=stride if place == 0 else 1)
                self.blocks.append(Bottleneck(*expand, depthwise, self._conv(next(folded))))
        self.head = self._conv(next(folded))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, 1280, H/32, W/32) features of RGB in [0, 1]."""
        x_BCHW = functional.relu6(self.stem((x_BCHW - self.mean) / self.std), inplace=True)
        return functional.relu6(self.head(self.blocks(x_BCHW)), inplace=True)

    def logits(self, features_BCHW: Tensor) -> Tensor:
        """(B, 1000) from the mean of the features over the picture."""
        return functional.linear(features_BCHW.mean(dim=(2, 3)), self.classes_KC, self.classes_K)

    def _conv(self, folded: tuple[Tensor, Tensor], *, stride: int = 1) -> SameConv:
        """One whose weights stay as they are."""
        weight_OIkk, bias_O = folded
        channels_out, channels_in, side, _ = weight_OIkk.shape
        groups = channels_out if channels_in == 1 else 1
        with torch.device("meta"):
            conv = SameConv(
                channels_in * groups,
                channels_out,
                side,
                stride=stride,
                groups=groups,
                pads_behind=self._behind,
            )
        conv.weight = nn.Parameter(weight_OIkk.contiguous(), requires_grad=False)
        conv.bias = nn.Parameter(bias_O, requires_grad=False)
        return conv


@cache
@torch.inference_mode(mode=False)  # whoever loads it first: others may want gradients
def load_classifier(kind: Classifier) -> InvertedResiduals:
    """With the weights of its authors.

    Raises:
        WeightsError: their package is not here, or holds others.
    """
    weights = torch.load(BytesIO(kind.weights.read()), map_location="cpu", weights_only=True)
    return InvertedResiduals(kind, weights).eval()


def _folded(tensors: list[Tensor], epsilon: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Kernel and bias of each convolution, its batch norm in them."""
    if len(tensors) % _TENSORS_A_CONV:
        raise WeightsError(f"expected {_TENSORS_A_CONV} tensors a convolution, got {len(tensors)}")
    for first in range(0, len(tensors), _TENSORS_A_CONV):
        kernel, scale, shift, mean, variance, _ = tensors[first : first + _TENSORS_A_CONV]
        factor = scale / (variance + epsilon).sqrt()
        yield kernel * factor.view(-1, 1, 1, 1), shift - mean * factor


def _zeros_around(x_BCHW: Tensor, side: int) -> tuple[int, int, int, int]:
    """Left, right, top, bottom, as TensorFlow pads a convolution of stride 2."""
    vertical, horizontal = (max((-(-length // 2) - 1) * 2 + side - length, 0) for length in x_BCHW.shape[2:])
    return horizontal // 2, horizontal - horizontal // 2, vertical // 2, vertical - vertical // 2
