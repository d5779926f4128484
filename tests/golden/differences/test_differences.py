"""A difference of weights gives the same file for ever."""

from __future__ import annotations

from codec.adaptation.difference import rebuild
from tests.golden.differences.build import ADAPTED, BASE, DIFFERENCE


def test_adapted_weights_come_back() -> None:
    assert rebuild(BASE.read_bytes(), DIFFERENCE.read_bytes()) == ADAPTED.read_bytes()
