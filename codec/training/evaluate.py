"""Real bytes and real decoded pixels of a model on held-back crops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from codec.bitstream import HEADER_BYTES
from codec.colour import pixels_to_planes, planes_to_pixels
from codec.contract import RGB
from codec.metrics import psnr_db
from codec.model import GRID, AutoEncoder
from codec.quantise import quantise, subtract_left
from codec.zfp import encode_symbols


@dataclass(frozen=True, slots=True, kw_only=True)
class RateDistortion:
    """What a model reached."""

    ratio: float
    """Raw 24-bit bytes of all images over payload bytes of all images."""
    bpp: float
    psnr_db: float
    """Mean over images, on rounded 8-bit RGB."""


def evaluate(
    model: AutoEncoder, images: Sequence[RGB], *, step: float, nominal_step: float, dead_zone: float, slow: tuple[int, ...]
) -> RateDistortion:
    """Encode through ZFP and decode every image, alone."""
    raw = coded = 0
    quality: list[float] = []
    device = next(model.parameters()).device
    with torch.inference_mode():
        for pixels in images:
            y_BChw = model.analyse(pixels_to_planes(pixels, GRID).to(device))
            integers_BChw = quantise(y_BChw, step, dead_zone)
            symbols_hwC = integers_BChw[0].permute(1, 2, 0).to(torch.int16).cpu().numpy()
            body = encode_symbols(subtract_left(symbols_hwC, slow).reshape(-1, symbols_hwC.shape[2]))
            detail_B = torch.tensor([math.log2(step / nominal_step)], device=device)
            decoded = planes_to_pixels(model.synthesise(integers_BChw * step, detail_B))
            quality.append(psnr_db(pixels, np.ascontiguousarray(decoded[: pixels.shape[0], : pixels.shape[1]])))
            raw += pixels.size
            coded += len(body) + HEADER_BYTES
    return RateDistortion(ratio=raw / coded, bpp=coded * 24.0 / raw, psnr_db=float(np.mean(quality)))
