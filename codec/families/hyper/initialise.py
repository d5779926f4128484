"""Where training starts: a block-transform codec with the Karhunen-Loeve transform of real patches, its gains and
tables set in closed form."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from codec.entropy.tables import TABLE_STEP
from codec.families.hyper.model import HyperModel
from codec.families.hyper.scale_network import index_of
from codec.parts.quality import QualityTable, lmbda_of


def install_transform(
    model: HyperModel, basis_CK: npt.NDArray[np.float64], sample_NK: npt.NDArray[np.float32]
) -> None:
    """Give the linear paths the basis and its transpose; gains, sizes and tables follow from a sample of patches.

    The step of a uniform quantiser that trades best at high rates is 0.02 / sqrt(lambda) for pixels in [0, 1]
    (squared error of three samples a pixel, step^2 / 12 each); at low rates a smaller one does better.
    """
    kept_MK = torch.from_numpy(basis_CK[: model.config.latents].copy()).float()
    y_NM = torch.from_numpy(sample_NK) @ kept_MK.T
    typical_M = y_NM.abs().mean(0).clamp_min(1e-4)
    log_gain_A = 0.5 * torch.log(lmbda_of(QualityTable.anchor_qualities())) - np.log(0.018)
    with torch.no_grad():
        model.analysis.linear.weight.copy_(kept_MK[:, :, None, None])
        model.synthesis.linear.weight.copy_(kept_MK.T[:, :, None, None])
        model.analysis.size.copy_(y_NM.std(0).clamp_min(1e-3))
        model.log_gain.fill(torch.zeros(model.config.latents), log_gain_A)
        model.prior.fill(index_of(typical_M), log_gain_A / TABLE_STEP)
        model.hyper_prior.fill(index_of(torch.full((model.config.hyper_latents,), 0.5)))
