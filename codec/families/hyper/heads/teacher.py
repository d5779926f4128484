"""The teacher: EfficientNet-Lite0, with whose weights the head begins, and whose answers it learns to give of less.

Shape legend: rgb_BCHW in [0, 1]; f_BF features, averaged over a picture; logits_BK.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from codec.families.hyper.heads.network import LabelNetwork, resized
from codec.perception.inverted_residuals import InvertedResiduals

SIDE: Final = 256
"""Pixels along the shorter side of what it looks at."""


class Teacher:
    """What it says of originals."""

    def __init__(self, classifier: InvertedResiduals) -> None:
        """Take the network."""
        self._network = classifier

    def features_and_logits(self, rgb_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Of pictures of any size: (B, F) features and (B, K) logits."""
        with torch.no_grad():
            x_BCHW = resized(rgb_BCHW, SIDE).clamp(0.0, 1.0).contiguous(memory_format=torch.channels_last)
            features_BCuv = self._network(x_BCHW)
            return features_BCuv.mean((2, 3)), self._network.logits(features_BCuv)

    def normalised(self, rgb_BCHW: Tensor) -> Tensor:
        """RGB in [0, 1] as it takes it, about [-1, 1]."""
        x_BCHW: Tensor = (rgb_BCHW - self._network.mean) / self._network.std
        return x_BCHW

    def hand_on(self, head: LabelNetwork) -> None:
        """Give a head that is as wide and as deep the teacher's own layers."""
        teacher = self._network
        for layers, given in (
            (head.stem, teacher.stem),
            (head.blocks, teacher.blocks),
            (head.widen, teacher.head),
        ):
            layers.load_state_dict(given.state_dict())
        with torch.no_grad():
            head.classify.weight.copy_(teacher.classes_KC)
            head.classify.bias.copy_(teacher.classes_K)


def fit(head: LabelNetwork, seen_NF: Tensor, teacher_NF: Tensor) -> None:
    """Scale a head's features to those of its teacher, and give it an embedding.

    The embedding holds the directions in which the teacher's features differ most from picture to picture, so that the
    cosine between two of them is nearly that between all the features, about their mean.

    Args:
        head: with the teacher's layers.
        seen_NF: its features of views.
        told_NF: the teacher's of the same pictures, more of them than the embedding has values.
    """
    with torch.no_grad():
        head.scale.mul_((seen_NF * teacher_NF).sum(0) / seen_NF.square().sum(0).clamp_min(1e-6))
        mean_F = teacher_NF.mean(0)
        directions_EF = torch.linalg.svd(teacher_NF - mean_F, full_matrices=False)[2][: head.config.embedding]
        head.embed.weight[: len(directions_EF)].copy_(directions_EF)
        head.embed.bias.copy_(-head.embed.weight @ mean_F)
