"""A convolution as a matrix product is the convolution, and the same in parts and in company."""

from __future__ import annotations

import pytest
import torch

from codec.parts.convolution import Convolution


@pytest.mark.parametrize(("channels_in", "channels_out", "taps"), [(3, 16, 3), (32, 64, 3), (5, 7, 5)])
def test_it_is_the_convolution_and_the_same_in_parts(channels_in: int, channels_out: int, taps: int) -> None:
    torch.manual_seed(1)
    layer = Convolution(channels_in, channels_out, taps)
    f_BIhw = torch.randn(3, channels_in, 90, 70).to(memory_format=torch.channels_last)
    expected = layer(f_BIhw).detach()
    with torch.inference_mode():
        whole = layer(f_BIhw)
        torch.testing.assert_close(whole, expected, atol=1e-4, rtol=1e-4)
        assert torch.equal(layer(f_BIhw[1:2])[0], whole[1])
        halo = taps // 2
        part = layer(f_BIhw[:, :, 11 - halo : 31 + halo, 40 - halo : 42 + halo])
        assert torch.equal(part[:, :, halo:-halo, halo:-halo], whole[:, :, 11:31, 40:42])
        assert layer(f_BIhw[:1, :, :1, :1]).shape == (1, channels_out, 1, 1)
