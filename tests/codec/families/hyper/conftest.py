"""What the tests of `hyper-1` share: the shipped codec, and a small model none of whose layers is idle."""

from __future__ import annotations

import pytest

from codec.entropy.tables import laplace_tables
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.load import load
from codec.families.hyper.weights import Weights, export, understand
from codec.weights_file import parse_weights
from tests.support.tiny_hyper import CPU, busy_model


@pytest.fixture(scope="session")
def hyper() -> HyperCodec:
    """The shipped `hyper-1` on the CPU."""
    return load(device=CPU, own=None, others=())


@pytest.fixture(scope="session")
def tiny() -> Weights:
    """The weights file of a busy model, read back."""
    data = export(busy_model(), laplace_tables(), name="tiny", recipe={})
    return understand(parse_weights(data, where="the test"))
