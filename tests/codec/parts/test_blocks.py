"""What the float networks are made of: fast forms say what slow ones do."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from codec.parts import blocks
from codec.parts.blocks import Block, Pointwise, concatenated, product_in_float32


def test_a_pointwise_layer_is_a_convolution_with_and_without_gradients() -> None:
    torch.manual_seed(0)
    layer, f = Pointwise(24, 40), torch.randn(2, 24, 5, 7)
    expected = functional.conv2d(f, layer.weight, layer.bias)
    torch.testing.assert_close(layer(f), expected)
    with torch.inference_mode():
        torch.testing.assert_close(layer(f), expected)
        torch.testing.assert_close(product_in_float32(f, layer.weight, layer.bias), expected)


def test_a_product_in_float32_is_one_whatever_is_in_force() -> None:
    torch.manual_seed(0)
    f, weight = torch.randn(1, 24, 5, 7), torch.randn(40, 24, 1, 1)
    expected = product_in_float32(f, weight)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(product_in_float32(f, weight), expected)
        assert not torch.equal(functional.conv2d(f, weight).float(), expected)


def test_a_block_in_bands_is_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    block, f = Block(16), torch.randn(2, 16, 23, 10).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        whole = block(f)
        monkeypatch.setattr(blocks, "_BAND", 40)  # four rows, and three at the end
        banded = block(f)
    torch.testing.assert_close(banded, whole)
    torch.testing.assert_close(banded, block(f))
    assert banded.is_contiguous(memory_format=torch.channels_last)


def test_features_beside_one_another_are_their_channels_in_turn() -> None:
    one, two = torch.randn(2, 3, 4, 5), torch.randn(2, 6, 4, 5).contiguous(memory_format=torch.channels_last)
    both = concatenated(one, two)
    assert torch.equal(both, torch.cat((one, two), 1))
    assert both.is_contiguous(memory_format=torch.channels_last)
