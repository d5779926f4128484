"""Space to channels and back, against what torch has for it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from codec.parts.space_to_channels import from_patches, merge, quartered, split, to_patches


@pytest.fixture(scope="module")
def planes() -> Tensor:
    """Two images of 32 x 48 pixels, no value twice."""
    return torch.arange(2 * 3 * 32 * 48, dtype=torch.float32).view(2, 3, 32, 48)


@pytest.mark.parametrize("side", [8, 16])
def test_patches_are_in_the_order_of_pixel_unshuffle(planes: Tensor, side: int) -> None:
    patches = to_patches(planes, side)
    assert torch.equal(patches, functional.pixel_unshuffle(planes, side))
    assert patches.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(from_patches(patches, side), planes)


def test_a_patch_is_four_of_half_its_side(planes: Tensor) -> None:
    quarters = quartered(to_patches(planes, 16), 16)
    assert torch.equal(quarters, to_patches(planes, 8))
    assert quarters.is_contiguous(memory_format=torch.channels_last)


def test_merging_takes_four_neighbours_and_splitting_gives_them_back() -> None:
    features = torch.arange(2 * 5 * 4 * 6, dtype=torch.float32).view(2, 5, 4, 6)
    merged = merge(features)
    expected = [features[1, :, 2 + row, 4 + column] for row in (0, 1) for column in (0, 1)]
    assert torch.equal(merged[1, :, 1, 2], torch.cat(expected))
    assert torch.equal(split(merged), features)
