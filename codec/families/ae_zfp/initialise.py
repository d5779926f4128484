"""Where the training of an autoencoder starts: the fitted transform as its linear path."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from codec.families.ae_zfp.model import AutoEncoder
from codec.training.image_crops import Crops
from codec.training.karhunen_loeve import chosen_crops, patch_grid

_SLOW: Final = 0.5
"""Correlation of left neighbours above which a channel is coded as differences."""


def install_transform(model: AutoEncoder, basis_CK: npt.NDArray[np.float64]) -> None:
    """Make the linear path that basis, cut to the model's channels, and its transpose."""
    kept_CK = torch.from_numpy(basis_CK[: model.config.latent_channels].copy()).float()
    with torch.no_grad():
        model.analysis.weight.copy_(kept_CK[:, :, None, None])
        model.synthesis.weight.copy_(kept_CK.T[:, :, None, None])
        for layer in (model.analysis, model.synthesis):
            if layer.bias is not None:
                layer.bias.zero_()


def slow_channels(crops: Crops, basis_CK: npt.NDArray[np.float64], *, seed: int) -> tuple[int, ...]:
    """Which coefficients of the basis vary slowly over an image."""
    basis_KC = np.ascontiguousarray(basis_CK.T, dtype=np.float32)
    lag, energy = np.zeros(len(basis_CK)), np.full(len(basis_CK), 1e-12)
    for index in chosen_crops(crops, seed):
        y_hwC = patch_grid(crops.pixels[index]) @ basis_KC
        lag += (y_hwC[:, 1:] * y_hwC[:, :-1]).sum((0, 1))
        energy += (y_hwC[:, 1:] ** 2).sum((0, 1))
    return tuple(int(c) for c in np.flatnonzero(lag / energy > _SLOW))
