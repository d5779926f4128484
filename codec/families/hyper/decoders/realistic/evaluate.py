"""What a realistic decoder makes of real payloads of held-back crops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.colour import pixels_to_rgb, planes_to_pixels
from codec.contract import RGB, EncodeOptions
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.decoders.realistic.network import Realistic
from codec.families.hyper.weights import Weights
from codec.metrics import psnr_db
from codec.parts.quality import quality_tensor
from codec.parts.tiled_latents import TiledLatents
from codec.training.drawn_noise import with_noise
from codec.training.hatch import standing_out
from codec.training.recipe import Evaluation, EvaluationPoint
from codec.training.session import stage

_SIDE: Final = 256
"""Of each crop, at most."""


def evaluate(
    network: Realistic,
    weights: Weights,
    images: Sequence[RGB],
    qualities: Sequence[int],
    *,
    lpips: Callable[[Tensor, Tensor], Tensor] | None,
) -> Evaluation:
    """Every image at every quality. The fact `lpips_q08` is the mean distance at quality 8, where it is trained on, and
    `peaks_q08` what `standing_out` says of them."""
    device = next(network.parameters()).device
    codec = HyperCodec(weights, device=device)
    parts = [np.ascontiguousarray(image[:_SIDE, :_SIDE]) for image in images]
    prepared = codec.encoder.prepare(parts)
    pixels = sum(part.shape[0] * part.shape[1] for part in parts)
    points, shown = [], []
    facts: dict[str, float] = {}
    for quality in stage("qualities evaluated", qualities):
        encoded = codec.encoder.finish(prepared, [EncodeOptions(quality=quality)] * len(parts))
        read = [codec.reader.read(one.payload) for one in encoded]
        decoded = [_shown(network, one, number) for number, one in enumerate(read)]
        label = f"q{quality:02d}"
        decibels = [psnr_db(part, one) for part, one in zip(parts, decoded, strict=True)]
        bpp = 8.0 * sum(len(one.payload) for one in encoded) / pixels
        points.append(EvaluationPoint(label=label, bpp=bpp, psnr_db=float(np.mean(decibels))))
        facts |= {f"{name}_{label}": value for name, value in _judged(parts, decoded, lpips, device).items()}
        shown.append(decoded[0])
    return Evaluation(points=tuple(points), facts=facts, shown=tuple(shown))


def _shown(network: Realistic, latents: TiledLatents, seed: int) -> RGB:
    y_1Mhw = latents.y_hwC.permute(2, 0, 1)[None]
    with torch.inference_mode():
        seen = with_noise(y_1Mhw, network.noise, np.random.default_rng(seed))
        x_1CHW = network(seen, quality_tensor(latents.sixteenths, y_1Mhw.device))
    return np.ascontiguousarray(planes_to_pixels(x_1CHW)[: latents.height, : latents.width])


def _judged(
    originals: Sequence[RGB],
    decoded: Sequence[RGB],
    lpips: Callable[[Tensor, Tensor], Tensor] | None,
    device: torch.device,
) -> dict[str, float]:
    """Means over pictures."""
    pairs = [
        tuple(pixels_to_rgb(one).to(device) for one in pair) for pair in zip(originals, decoded, strict=True)
    ]
    with torch.inference_mode():
        peaks = [float(standing_out(_grey(shown), _grey(original))) for original, shown in pairs]
        apart = [] if lpips is None else [float(lpips(*pair)) for pair in pairs]
    return {"peaks": float(np.mean(peaks))} | ({"lpips": float(np.mean(apart))} if apart else {})


def _grey(rgb_1CHW: Tensor) -> Tensor:
    return 255.0 * rgb_1CHW.mean(1)
