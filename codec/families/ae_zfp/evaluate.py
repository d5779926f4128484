"""Real bytes and real decoded pixels of a model on held-back crops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from codec.colour import pixels_to_planes, planes_to_pixels
from codec.contract import RGB
from codec.families.ae_zfp.bitstream import HEADER_BYTES
from codec.families.ae_zfp.config import GRID
from codec.families.ae_zfp.model import AutoEncoder
from codec.families.ae_zfp.quantise import subtract_left, to_symbols
from codec.families.ae_zfp.weights import QuantiserConfig
from codec.families.ae_zfp.zfp import encode_symbols
from codec.metrics import psnr_db
from codec.training.session import stage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RateDistortion:
    """What a model reached."""

    ratio: float
    """Raw 24-bit bytes of all images over payload bytes of all images."""
    bpp: float
    psnr_db: float
    """Mean over images, on rounded 8-bit RGB."""
    shown: RGB
    """The first image, decoded."""


def evaluate(
    model: AutoEncoder, images: Sequence[RGB], quantiser: QuantiserConfig, *, step: float | None = None
) -> RateDistortion:
    """Encode through ZFP and decode every image, alone; at another step than the quantiser's own if given."""
    step = quantiser.step if step is None else step
    raw = coded = 0
    quality: list[float] = []
    first: RGB | None = None
    device = next(model.parameters()).device
    detail_B = torch.tensor([math.log2(step / quantiser.step)], device=device)
    with torch.inference_mode():
        for pixels in stage("crops evaluated", images):
            y_BChw = model.analyse(pixels_to_planes(pixels, GRID).to(device))
            symbols_hwC = to_symbols(y_BChw, step, quantiser.dead_zone, quantiser.tail_weight)
            latents = torch.from_numpy(symbols_hwC.transpose(2, 0, 1).astype(np.float32))[None] * step
            decoded = planes_to_pixels(model.synthesise(latents.to(device), detail_B))
            shown = np.ascontiguousarray(decoded[: pixels.shape[0], : pixels.shape[1]])
            first = shown if first is None else first
            quality.append(psnr_db(pixels, shown))
            coded_hwC = subtract_left(symbols_hwC, quantiser.predicted_channels)
            raw += pixels.size
            coded += len(encode_symbols(coded_hwC.reshape(-1, coded_hwC.shape[2]))) + HEADER_BYTES
    assert first is not None, "no image to evaluate on"
    return RateDistortion(
        ratio=raw / coded, bpp=coded * 24.0 / raw, psnr_db=float(np.mean(quality)), shown=first
    )
