"""Judges of digits: a small classifier whose features tell distributions apart, and a linear probe of latents.

The Frechet distance is that of FID, on this classifier's features: it is not FID, and compares with nothing but itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.training.image_crops import Crops

_FEATURES: Final = 32
_EPOCHS: Final = 6
_BATCH: Final = 100
_PROBE_STEPS: Final = 60
"""Iterations of L-BFGS, at most."""


class DigitClassifier(nn.Module):
    """Two convolutions, and 32 features of a digit."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(16, 32, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 7 * 7, _FEATURES),
            nn.ReLU(),
        )
        self.classify = nn.Linear(_FEATURES, 10)

    @classmethod
    def trained(cls, crops: Crops, labels_n: Tensor) -> DigitClassifier:
        """One that has learned from these."""
        torch.manual_seed(0)
        judge, x_n1HW = cls(), _pixels(np.stack(crops.pixels)[..., 0])
        optimiser = torch.optim.Adam(judge.parameters(), lr=2e-3)
        for _ in range(_EPOCHS):
            for chosen in torch.split(torch.randperm(len(x_n1HW)), _BATCH):
                optimiser.zero_grad()
                logits_B10 = judge.classify(judge.features(x_n1HW[chosen]))
                torch.autograd.backward(functional.cross_entropy(logits_B10, labels_n[chosen]))
                optimiser.step()
        return judge.eval().requires_grad_(False)

    def accuracy(self, crops: Crops, labels_n: Tensor) -> float:
        """Share of these that it reads."""
        found_n10 = self.classify(self.features(_pixels(np.stack(crops.pixels)[..., 0])))
        return float((found_n10.argmax(1) == labels_n).float().mean())

    def distance(self, a_nHW: npt.NDArray[np.generic], b_nHW: npt.NDArray[np.generic]) -> float:
        """The Frechet distance of two sets of grey digits, 0 to 255."""
        means, covariances = [], []
        for pixels in (a_nHW, b_nHW):
            features_nF = self.features(_pixels(pixels)).double()
            means.append(features_nF.mean(0))
            covariances.append(torch.cov(features_nF.T))
        both = torch.linalg.eigvals(covariances[0] @ covariances[1]).real.clamp_min(0.0).sqrt().sum()
        traces = covariances[0].trace() + covariances[1].trace()
        return float((means[0] - means[1]).square().sum() + traces - 2.0 * both)


def linear_probe(x_nC: Tensor, labels_n: Tensor, test_mC: Tensor, test_labels_m: Tensor) -> float:
    """Share of test labels that a logistic regression, fitted to the others, reads from latents."""
    mean_C, deviation_C = x_nC.mean(0), x_nC.std(0).clamp_min(1e-6)
    probe = nn.Linear(x_nC.shape[1], 10)
    nn.init.zeros_(probe.weight)
    optimiser = torch.optim.LBFGS(probe.parameters(), max_iter=_PROBE_STEPS, line_search_fn="strong_wolfe")
    scaled_nC = (x_nC - mean_C) / deviation_C

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = functional.cross_entropy(probe(scaled_nC), labels_n)
        torch.autograd.backward(value)
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        found_m = probe((test_mC - mean_C) / deviation_C).argmax(1)
    return float((found_m == test_labels_m).float().mean())


def _pixels(grey_nHW: npt.NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(grey_nHW.astype(np.float32))[:, None] / 255.0
