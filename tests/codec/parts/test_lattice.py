"""Layers at some positions give what layers at all positions give there."""

from __future__ import annotations

import pytest
import torch

from codec.parts.blocks import Block
from codec.parts.depthwise import depthwise
from codec.parts.lattice import QUARTERS, WHOLE, Lattice

SIZES = [(4, 4), (5, 7), (2, 3), (9, 2)]


def test_quarters_cover_every_position_once() -> None:
    covered = torch.zeros(5, 7)
    for lattice in QUARTERS:
        covered[lattice.rows, lattice.columns] += 1
        assert lattice.shape(5, 7) == tuple(covered[lattice.rows, lattice.columns].shape)
    assert torch.equal(covered, torch.ones(5, 7))


@pytest.mark.parametrize("lattice", QUARTERS, ids=str)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_depthwise_layers_run_only_there(lattice: Lattice, height: int, width: int) -> None:
    torch.manual_seed(0)
    f_BFhw, weight, bias = torch.randn(2, 3, height, width), torch.randn(3, 1, 3, 3), torch.randn(3)
    everywhere = depthwise(f_BFhw, weight, bias, WHOLE)
    torch.testing.assert_close(
        depthwise(f_BFhw, weight, bias, lattice), everywhere[:, :, lattice.rows, lattice.columns]
    )


@pytest.mark.parametrize("lattice", QUARTERS, ids=str)
def test_blocks_run_only_there(lattice: Lattice) -> None:
    torch.manual_seed(0)
    block, f_BFhw = Block(8), torch.randn(1, 8, 6, 9)
    torch.testing.assert_close(block(f_BFhw, lattice), block(f_BFhw)[:, :, lattice.rows, lattice.columns])


@pytest.mark.parametrize("above", [0, 1, 2])
@pytest.mark.parametrize("lattice", [WHOLE, *QUARTERS], ids=str)
def test_positions_seen_from_above_are_the_same_ones(lattice: Lattice, above: int) -> None:
    rows = torch.arange(20)
    seen, skipped = lattice.seen_from(above)
    assert torch.equal(rows[seen.rows][skipped:] - above, rows[: 20 - above][lattice.rows])
