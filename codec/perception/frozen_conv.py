"""A convolution whose weights stay as they are: gradients pass through it, to the picture."""

from __future__ import annotations

from torch import Tensor, nn


def frozen_conv(
    weight_OIkk: Tensor, bias_O: Tensor, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> nn.Conv2d:
    """With zeros around the picture where it is padded."""
    out_channels, in_channels, side, _ = weight_OIkk.shape
    conv = nn.Conv2d(
        in_channels * groups, out_channels, side, stride=stride, padding=padding, groups=groups, device="meta"
    )
    conv.weight = nn.Parameter(weight_OIkk.contiguous(), requires_grad=False)
    conv.bias = nn.Parameter(bias_O, requires_grad=False)
    return conv


def from_channels_last(kernel_kkIO: Tensor) -> Tensor:
    """A kernel as JAX keeps it, as torch does: (O, I, k, k)."""
    return kernel_kkIO.permute(3, 2, 0, 1)
