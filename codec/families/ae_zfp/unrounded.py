"""What a model makes of latents that were not rounded: what it loses without any ZFP."""

from __future__ import annotations

import torch

from codec.contract import RGB
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.families.ae_zfp.config import GRID
from codec.family import Unrounded
from codec.parts.tile_loop import Synthesised, latent_grid


def unrounded(codec: AutoEncoderZfp, pixels: RGB, quality: float) -> Unrounded:
    """The decoder's picture of an image whose latents are as the encoder gave them.

    Args:
        quality: chooses the model, and the step that its decoder is to expect.
    """
    height, width = pixels.shape[:2]
    weights, step = codec.encoder.ladder.at(quality)
    y_Chw = torch.empty(weights.config.model.latent_channels, *latent_grid(height, width, GRID))
    for tile in codec.encoder.analysed([pixels], weights):
        y_Chw[:, *tile.place] = tile.y_1Chw[0].cpu()
    image = Synthesised(tile=lambda rows, columns: y_Chw[:, rows, columns][None], width=width, height=height)
    return Unrounded(model=weights.config.preset, pixels=codec.decoder.shown(image, weights, step))
