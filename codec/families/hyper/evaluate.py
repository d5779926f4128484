"""Estimated bytes and real decoded pixels of a model on held-back crops, at several qualities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from codec.colour import pixels_to_planes, planes_to_pixels
from codec.contract import RGB
from codec.families.hyper.config import HYPER_GRID
from codec.families.hyper.model import HyperModel
from codec.families.hyper.objective import rate_distortion
from codec.metrics import psnr_db
from codec.training.recipe import Evaluation, EvaluationPoint
from codec.training.session import stage

_SIDE = 384
"""Of each crop, at most: a multiple of the hyper-latents' grid, so that nothing is padded."""


def evaluate(
    model: HyperModel, images: Sequence[RGB], qualities: Sequence[int], *, bfloat16: bool
) -> Evaluation:
    """Every image at every quality.

    Bits are those of the symbols, estimated. The fact `loss` is the objective, mean over images and qualities: lower is
    better.
    """
    device = next(model.parameters()).device
    quality_B = torch.tensor(qualities, dtype=torch.float32, device=device)
    bpp, decibels, losses = [], [], []
    shown: tuple[RGB, ...] = ()
    with torch.inference_mode():
        for image in stage("crops evaluated", images):
            pixels = _whole(image)
            x_BCHW = pixels_to_planes(pixels, HYPER_GRID).to(device).expand(len(qualities), -1, -1, -1)
            x_BCHW = x_BCHW.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                coded = model(x_BCHW, quality_B)
            decoded = [planes_to_pixels(one[None]) for one in coded.x_hat_BCHW]
            bpp_B = coded.bits_B.float() / (pixels.shape[0] * pixels.shape[1])
            errors = [float(np.square((pixels.astype(np.float64) - d) / 255.0).mean()) for d in decoded]
            mse_B = torch.tensor(errors, dtype=torch.float32, device=device)
            bpp.append(bpp_B.tolist())
            decibels.append([psnr_db(pixels, one) for one in decoded])
            losses.append(float(rate_distortion(bpp_B, mse_B, quality_B).mean()))
            shown = shown or tuple(decoded)
    means = zip(qualities, np.mean(bpp, axis=0), np.mean(decibels, axis=0), strict=True)
    points = tuple(EvaluationPoint(label=f"q{q:02d}", bpp=float(b), psnr_db=float(d)) for q, b, d in means)
    return Evaluation(points=points, facts={"loss": float(np.mean(losses))}, shown=shown)


def _whole(image: RGB) -> RGB:
    """The corner of an image that whole hyper-latents cover."""
    height, width = (min(_SIDE, side // HYPER_GRID * HYPER_GRID) for side in image.shape[:2])
    return np.ascontiguousarray(image[:height, :width])
