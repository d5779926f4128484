"""DISTS: are the features of two pictures alike in their means (texture) and in their covariance (structure)?

Ding, Ma, Wang, Simoncelli 2020, Image quality assessment: unifying structure and texture similarity. Features are
those of VGG16, halved without aliasing, and the picture itself.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.perception import vgg16
from codec.perception.array_pickle import arrays_of
from codec.perception.packaged import DISTS_CHANNELS, LPIPS_VGG16
from codec.perception.vgg16 import Vgg16

_MEAN: Final = (0.485, 0.456, 0.406)
_STD: Final = (0.229, 0.224, 0.225)
_CHANNELS: Final = (3, *vgg16.CHANNELS)
_NEVER_ZERO: Final = 1e-6


class Dists(nn.Module):
    """Two batches of pictures to one distance each, 0 where they are identical.

    No weight of it learns; gradients reach the pictures, as with `Lpips`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, texture_C: Tensor, structure_C: Tensor) -> None:
        """Take what sees, and the weights of each channel, whose sum is 1."""
        super().__init__()
        self.network = network
        self.texture_C = nn.Parameter(texture_C, requires_grad=False)
        self.structure_C = nn.Parameter(structure_C, requires_grad=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, original_BCHW: Tensor, decoded_BCHW: Tensor) -> Tensor:
        """(B,) distances of RGB in [0, 1]."""
        stages = zip(self._stages(original_BCHW), self._stages(decoded_BCHW), strict=True)
        alike = [_alike(original, decoded) for original, decoded in stages]
        texture_BC, structure_BC = (torch.cat(parts, dim=1) for parts in zip(*alike, strict=True))
        return 1.0 - (texture_BC * self.texture_C + structure_BC * self.structure_C).sum(dim=1)

    def _stages(self, x_BCHW: Tensor) -> list[Tensor]:
        return [x_BCHW, *self.network((x_BCHW - self.mean) / self.std)]


@cache
@torch.inference_mode(mode=False)  # whoever loads it first: others may want gradients
def load_dists() -> Dists:
    """With the weights of its authors.

    Raises:
        WeightsError: a package that holds them is not here, or holds others.
    """
    weights = torch.load(BytesIO(DISTS_CHANNELS.read()), map_location="cpu", weights_only=True)
    alpha_C, beta_C = (weights[name].reshape(-1) for name in ("alpha", "beta"))
    assert len(alpha_C) == len(beta_C) == sum(_CHANNELS)
    total = alpha_C.sum() + beta_C.sum()
    network = Vgg16(arrays_of(LPIPS_VGG16.read()), pool=_root_mean_square)
    return Dists(network, alpha_C / total, beta_C / total).eval()


def _alike(original_BCHW: Tensor, decoded_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C) similarities of texture and structure, 1 where they are the same."""
    (mean_a, mean_b), (square_a, square_b) = (
        [of(x).mean(dim=(2, 3)) for x in (original_BCHW, decoded_BCHW)] for of in (torch.clone, torch.square)
    )
    product = (original_BCHW * decoded_BCHW).mean(dim=(2, 3))
    variance_a, variance_b = square_a - mean_a.square(), square_b - mean_b.square()
    covariance = product - mean_a * mean_b
    texture = (2.0 * mean_a * mean_b + _NEVER_ZERO) / (mean_a.square() + mean_b.square() + _NEVER_ZERO)
    structure = (2.0 * covariance + _NEVER_ZERO) / (variance_a + variance_b + _NEVER_ZERO)
    return texture, structure


def _root_mean_square(x_BCHW: Tensor) -> Tensor:
    """Half as large: roots of mean squares under a Hann window of 3 x 3."""
    taps = torch.tensor([0.25, 0.5, 0.25], dtype=x_BCHW.dtype, device=x_BCHW.device)
    channels = x_BCHW.shape[1]
    window = torch.outer(taps, taps).expand(channels, 1, 3, 3)
    return (functional.conv2d(x_BCHW.square(), window, stride=2, padding=1, groups=channels) + 1e-12).sqrt()
