"""Where training starts: the Karhunen-Loeve transform of real patches, fitted in closed form."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from codec.ae_zfp.model import AutoEncoder
from codec.training.data import Crops

_SLOW: Final = 0.5
"""Correlation of left neighbours above which a channel is coded as differences."""


def fit_transform(
    crops: Crops, *, seed: int, patches: int = 200_000
) -> tuple[npt.NDArray[np.float64], tuple[int, ...]]:
    """(768, 768) orthonormal basis, a row per coefficient, most energy first; and which of them vary slowly."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(crops))[: max(1, min(len(crops), 400))]
    grids = [crops.patch_grid(int(index)) for index in chosen]
    rows_NK = np.concatenate([grid.reshape(-1, grid.shape[-1]) for grid in grids])
    rows_NK = rows_NK[rng.permutation(len(rows_NK))[:patches]]
    _, basis_KK = np.linalg.eigh(rows_NK.T.astype(np.float64) @ rows_NK / len(rows_NK))
    basis_CK = np.ascontiguousarray(basis_KK.T[::-1])
    lag, energy = np.zeros(len(basis_CK)), np.full(len(basis_CK), 1e-12)
    for grid in grids:
        y_hwC = grid @ basis_CK.T
        lag += (y_hwC[:, 1:] * y_hwC[:, :-1]).sum((0, 1))
        energy += (y_hwC[:, 1:] ** 2).sum((0, 1))
    return basis_CK, tuple(int(c) for c in np.flatnonzero(lag / energy > _SLOW))


def install_transform(model: AutoEncoder, basis_CK: npt.NDArray[np.float64]) -> None:
    """Make the linear path that basis, cut to the model's channels, and its transpose."""
    kept_CK = torch.from_numpy(basis_CK[: model.config.latent_channels].copy()).float()
    with torch.no_grad():
        model.analysis.weight.copy_(kept_CK[:, :, None, None])
        model.synthesis.weight.copy_(kept_CK.T[:, :, None, None])
        for layer in (model.analysis, model.synthesis):
            if layer.bias is not None:
                layer.bias.zero_()


def install_overlap(model: AutoEncoder, other: AutoEncoder) -> None:
    """Take from another model every tensor, or the leading part of it, whose other sides agree."""
    theirs = other.state_dict()
    with torch.no_grad():
        for name, mine in model.state_dict().items():
            source = theirs.get(name)
            if source is None or source.dim() != mine.dim():
                continue
            shared = tuple(slice(0, min(a, b)) for a, b in zip(mine.shape, source.shape, strict=True))
            mine[shared] = source[shared]
