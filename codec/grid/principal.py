"""Where a network may begin: layers that keep the principal components of what they get, and mirrors that undo them.

In closed form, it takes seconds what training from random weights takes minutes for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_OVERSAMPLED = 16
"""Further directions that are looked at, so that those kept are the right ones."""


def keep_principal(encode: nn.Conv2d, decode: nn.Conv2d, f_BIhw: Tensor) -> None:
    """Set a layer to the principal components of its input, and its mirror to their inverse.

    Args:
        encode: from I channels to O, any number of taps: those beside the middle one become zero.
        decode: from O channels to I.
        f_BIhw: what the layer gets.
    """
    f_nI = f_BIhw.permute(0, 2, 3, 1).flatten(0, 2)
    mean_I, count = f_nI.mean(0), min(encode.out_channels, *f_nI.shape)
    wanted = min(count + _OVERSAMPLED, *f_nI.shape)
    _, _, basis_Ik = torch.pca_lowrank(f_nI - mean_I, wanted, center=False)
    basis_Ik = basis_Ik[:, :count]
    with torch.no_grad():
        for layer, matrix_kk, bias in (
            (encode, basis_Ik.T, -(basis_Ik.T @ mean_I)),
            (decode, basis_Ik, mean_I),
        ):
            middle = layer.kernel_size[0] // 2
            nn.init.zeros_(layer.weight)
            layer.weight[: matrix_kk.shape[0], : matrix_kk.shape[1], middle, middle] = matrix_kk
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
            layer.bias[: len(bias)] = bias
