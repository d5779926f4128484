"""Tiling changes nothing that PSNR or an eye could find."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec import tiles
from codec.colour import pixels_to_planes
from codec.contract import RGB, EncodeOptions
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.families.ae_zfp.config import ModelConfig
from codec.families.ae_zfp.model import AutoEncoder
from codec.parts import tile_loop
from codec.tiles import tile_grid
from tests.support.photographs import picture


def busy_model(**sizes: int) -> AutoEncoder:
    """A model none of whose layers is zero, so that nothing hides a missing halo."""
    torch.manual_seed(3)
    model = AutoEncoder(ModelConfig(latent_channels=24, encoder_width=16, decoder_width=16, **sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.7 * torch.randn_like(parameter) / max(2.0, parameter[0].numel() ** 0.5))
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize(("encoder_blocks", "decoder_blocks"), [(0, 0), (1, 1), (2, 4), (3, 5)], ids=str)
def test_tiled_networks_equal_whole_networks(encoder_blocks: int, decoder_blocks: int) -> None:
    model = busy_model(encoder_blocks=encoder_blocks, decoder_blocks=decoder_blocks)
    planes = pixels_to_planes(picture(16 * 13, 16 * 11), 16)
    whole = model.analyse(planes)
    latents = torch.randn(1, 24, 13, 11)
    detail = torch.tensor([0.5])
    image = model.synthesise(latents, detail)
    for rows, columns in tile_grid(13, 11, model.encoder_halo, tile=4):
        part = model.analyse(planes[:, :, rows.scaled(rows.read, 16), columns.scaled(columns.read, 16)])
        expected = whole[:, :, rows.kept, columns.kept]
        torch.testing.assert_close(part[:, :, rows.inner, columns.inner], expected, atol=1e-4, rtol=1e-4)
    for rows, columns in tile_grid(13, 11, model.decoder_halo, tile=4):
        part = model.synthesise(latents[:, :, rows.read, columns.read], detail)
        inner = part[:, :, rows.scaled(rows.inner, 16), columns.scaled(columns.inner, 16)]
        expected = image[:, :, rows.scaled(rows.kept, 16), columns.scaled(columns.kept, 16)]
        torch.testing.assert_close(inner, expected, atol=1e-4, rtol=1e-4)


def test_a_halo_too_small_would_be_found() -> None:
    model = busy_model(encoder_blocks=2, decoder_blocks=4)
    latents, detail = torch.randn(1, 24, 12, 4), torch.tensor([0.0])
    whole = model.synthesise(latents, detail)[:, :, :64]
    part = model.synthesise(latents[:, :, : 4 + model.decoder_halo - 1], detail)[:, :, :64]
    assert float((whole - part).abs().max()) > 1e-4


@pytest.mark.parametrize("preset", ["122x", "10x"])
def test_shipped_codec_in_tiles_equals_whole(
    ae_zfp: AutoEncoderZfp, photo: RGB, preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = photo[:250, :300]
    quality = ae_zfp.preset_quality[preset]
    (whole,) = ae_zfp.encode([image], EncodeOptions(quality=quality))
    pixels = ae_zfp.decode([whole.payload])[0].pixels.astype(int)

    def small(height: int, width: int, halo: int, _tile: int) -> object:
        return tiles.tile_grid(height, width, halo, tile=5)

    monkeypatch.setattr(tile_loop, "tile_grid", small)
    tiled_pixels = ae_zfp.decode([whole.payload])[0].pixels.astype(int)
    assert np.abs(tiled_pixels - pixels).max() <= 1
    (tiled,) = ae_zfp.encode([image], EncodeOptions(quality=quality))
    difference = ae_zfp.latents(tiled.payload) != ae_zfp.latents(whole.payload)
    # the last bits of a convolution depend on its shape: a value on the edge of rounding may fall either way
    assert difference.mean() < 1e-4
