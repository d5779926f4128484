"""A model that nobody trained: its transform alone carries a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.families.recurrent.codec import RecurrentCodec
from codec.families.recurrent.config import ModelConfig
from codec.families.recurrent.fit_counts import fit_counts
from codec.families.recurrent.initialise import install_transform
from codec.families.recurrent.model import RecurrentModel
from codec.families.recurrent.weights import Weights, export, understand
from codec.parts.start_values import draw
from codec.training.karhunen_loeve import patch_grid
from codec.weights_file import parse_weights
from tests.support.photographs import picture

CPU = torch.device("cpu")


@pytest.fixture(scope="package")
def weights() -> Weights:
    """A small file."""
    torch.manual_seed(0)
    sample_NK = np.concatenate([patch_grid(picture(96, 96, seed)).reshape(-1, 768) for seed in range(4)])
    _, basis_KK = np.linalg.eigh((sample_NK.T @ sample_NK).astype(np.float64))
    model = RecurrentModel(ModelConfig(iterations=6, coefficients=32, width=16))
    install_transform(model, basis_KK.T[::-1].copy(), sample_NK)
    for head in (model.encoder_head, model.decoder_head):
        draw(head.weight, std=0.01)  # so that the networks count
    counts = fit_counts(model, [picture(64, 64, seed) for seed in range(2)], CPU)
    return understand(parse_weights(export(model, counts, name="test", recipe={}), where="test"))


@pytest.fixture(scope="package")
def small(weights: Weights) -> RecurrentCodec:
    """The codec of that file."""
    return RecurrentCodec(weights, device=CPU)
