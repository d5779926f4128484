"""Where training starts: a Karhunen-Loeve transform of blocks, and what bits mean while nothing else helps.

Shape legend: sample_NK blocks of photographs; left_NM what of their coefficients was not sent yet.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from codec.families.recurrent.model import RecurrentModel

_RARE: Final = 5e-4
"""A coefficient that moves in a smaller share of blocks has no bits."""
_SURE: Final = 50.0
"""Moves of a coefficient, above which their mean is believed more than the first guess."""
_MULTIPLE: Final = 8
"""Coefficients become active in groups of so many."""


def install_transform(
    model: RecurrentModel, basis_CK: npt.NDArray[np.float64], sample_NK: npt.NDArray[np.float32]
) -> None:
    """Begin with a transform; see on blocks by how much bits are to move its coefficients, and which ones move when.

    Args:
        model: on the CPU.
        basis_CK: orthonormal, a row per coefficient, most energy first.
        sample_NK: blocks in the channel order of the model.
    """
    basis_MK = basis_CK[: model.config.coefficients].astype(np.float32)
    left_NM = sample_NK @ basis_MK.T
    active = _MULTIPLE
    with torch.no_grad():
        model.analysis.weight.copy_(torch.from_numpy(basis_MK)[:, :, None, None])
        model.synthesis.weight.copy_(torch.from_numpy(np.ascontiguousarray(basis_MK.T))[:, :, None, None])
        for iteration in range(model.config.iterations):
            step = model.config.step(iteration)
            threshold_M, guess_M = (table[iteration].numpy() for table in (model.threshold_TM, model.move_TM))
            moved_NM = np.abs(left_NM) >= threshold_M * step
            count_M = moved_NM.sum(0)
            sums_M = np.abs(left_NM * moved_NM).sum(0) / step
            move_M = (sums_M + _SURE * guess_M) / (count_M + _SURE)
            left_NM -= np.sign(left_NM) * moved_NM * (move_M * step)
            model.move_TM[iteration] = torch.from_numpy(move_M)
            heard = np.flatnonzero(count_M > _RARE * len(left_NM))
            needed = int(heard[-1]) + 1 if len(heard) else 1
            active = max(active, min(len(basis_MK), -(-needed // _MULTIPLE) * _MULTIPLE))
            model.active_T[iteration] = active
