"""The teacher: EfficientNet-Lite0, whose answers the head learns. Nothing of it is in the head's weights file.

The head does not learn its 1,280 features, but those directions of them by which it tells classes apart: `View`.

Shape legend: f_BCuv the teacher's features at 1/32; e_BEuv what of them the head learns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from codec.perception.inverted_residuals import InvertedResiduals


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """The directions of the teacher's features that matter most to its logits, over some pictures."""

    mean_C: Tensor
    directions_EC: Tensor
    """Scaled so that each value has a spread of one over the places of those pictures."""
    classes_KE: Tensor
    """What the logits are, by least squares, of an embedding."""
    bias_K: Tensor

    @classmethod
    def of(cls, features_NCuv: Tensor, teacher: InvertedResiduals, count: int) -> View:
        """The best `count` directions for the features of some pictures, place by place."""
        places_NC = features_NCuv.permute(0, 2, 3, 1).flatten(0, 2)
        mean_C = places_NC.mean(0)
        centred_NC = places_NC - mean_C
        logits_NK = torch.nn.functional.linear(places_NC, teacher.classes_KC, teacher.classes_K)
        bias_K = logits_NK.mean(0)
        told_NK = (logits_NK - bias_K) - (logits_NK - bias_K).mean(1, keepdim=True)
        values, vectors = torch.linalg.eigh(centred_NC.T @ centred_NC / len(centred_NC))
        root_CC = vectors * values.clamp_min(0.0).sqrt()
        classes_KC = teacher.classes_KC - teacher.classes_KC.mean(0)
        left_KE = torch.linalg.svd(classes_KC @ root_CC, full_matrices=False)[0][:, :count]
        directions_EC = left_KE.T @ classes_KC
        spread_E = (centred_NC @ directions_EC.T).std(0).clamp_min(1e-6)
        directions_EC = directions_EC / spread_E[:, None]
        embedded_NE = centred_NC @ directions_EC.T
        ridge = 1e-3 * torch.eye(len(directions_EC))
        classes_EK = torch.linalg.solve(
            embedded_NE.T @ embedded_NE / len(embedded_NE) + ridge, embedded_NE.T @ told_NK / len(embedded_NE)
        )
        return cls(mean_C=mean_C, directions_EC=directions_EC, classes_KE=classes_EK.T, bias_K=bias_K)

    def embedded(self, features_BCuv: Tensor) -> Tensor:
        """(B, C, u, v) -> (B, E, u, v)."""
        return torch.einsum("ec,bcuv->beuv", self.directions_EC, features_BCuv - self.mean_C[:, None, None])
