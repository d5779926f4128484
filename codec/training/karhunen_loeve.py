"""Where training starts: the Karhunen-Loeve transform of real patches, fitted in closed form; or other weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.colour import pixels_to_planes
from codec.contract import RGB
from codec.training.image_crops import Crops
from codec.training.session import stage

GRID: Final = 16
"""Pixels per patch of the transform, each way: every family's latents lie on this grid."""
_MOST_CROPS: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transform:
    """The transform, and patches to set other things by."""

    basis_CK: npt.NDArray[np.float64]
    """(768, 768) orthonormal, a row per coefficient, most energy first."""
    sample_NK: npt.NDArray[np.float32]
    """Patches it was fitted to, a share of each crop's."""


def patch_grid(pixels: RGB) -> npt.NDArray[np.float32]:
    """One image as (h, w, 768): its 16x16 YCbCr patches, in the channel order of the models."""
    whole = pixels[: pixels.shape[0] // GRID * GRID, : pixels.shape[1] // GRID * GRID]
    patches = functional.pixel_unshuffle(pixels_to_planes(whole, GRID), GRID)
    return np.ascontiguousarray(patches[0].permute(1, 2, 0).numpy())


def chosen_crops(crops: Crops, seed: int) -> npt.NDArray[np.int64]:
    """The crops that are looked at: all, or a sample."""
    return np.random.default_rng(seed).permutation(len(crops))[:_MOST_CROPS]


def fit_transform(crops: Crops, *, seed: int, sample: int = 50_000) -> Transform:
    """The basis in which patches of these crops are uncorrelated, crop by crop: memory holds the sample only."""
    rng = np.random.default_rng(seed)
    chosen = chosen_crops(crops, seed)
    covariance_KK, count = np.zeros((3 * GRID * GRID,) * 2), 0
    kept: list[npt.NDArray[np.float32]] = []
    for index in stage("crops fitted to", chosen):
        grid = patch_grid(crops.pixels[index])
        rows_NK = grid.reshape(-1, grid.shape[-1])
        covariance_KK += rows_NK.T @ rows_NK
        count += len(rows_NK)
        kept.append(rows_NK[rng.permutation(len(rows_NK))[: -(-sample // len(chosen))]])
    _, basis_KK = np.linalg.eigh(covariance_KK / count)
    return Transform(basis_CK=np.ascontiguousarray(basis_KK.T[::-1]), sample_NK=np.concatenate(kept))


def install_overlap(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Take every tensor, or the leading part of it, that the model has under the same name and with as many axes."""
    with torch.no_grad():
        for name, mine in model.state_dict().items():
            source = tensors.get(name)
            if source is None or source.dim() != mine.dim():
                continue
            shared = tuple(slice(0, min(a, b)) for a, b in zip(mine.shape, source.shape, strict=True))
            mine[shared] = source[shared].to(mine.device, mine.dtype)
