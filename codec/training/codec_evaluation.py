"""Real bytes and real decoded pixels of a codec on held-back crops, at several qualities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.metrics import psnr_db
from codec.training.recipe import Evaluation, EvaluationPoint
from codec.training.session import stage


def evaluate(codec: Codec, crops: Sequence[RGB], qualities: Sequence[int], *, side: int) -> Evaluation:
    """Every crop at every quality. The fact `mse_q32` is the mean squared error of RGB in [0, 1] at quality 32.

    Args:
        crops: uint8 (H, W, 3).
        side: pixels of each that are looked at, either way, at most.
    """
    parts = [np.ascontiguousarray(crop[:side, :side]) for crop in crops]
    prepared = codec.encoder.prepare(parts)
    points, shown, facts = [], [], {}
    pixels = sum(part.shape[0] * part.shape[1] for part in parts)
    for quality in stage("qualities evaluated", qualities):
        encoded = codec.encoder.finish(prepared, [EncodeOptions(quality=quality)] * len(parts))
        decoded = [one.pixels for one in codec.decode([one.payload for one in encoded])]
        decibels = [psnr_db(part, one) for part, one in zip(parts, decoded, strict=True)]
        bits = 8 * sum(len(one.payload) for one in encoded)
        label = f"q{quality:02d}"
        points.append(EvaluationPoint(label=label, bpp=bits / pixels, psnr_db=float(np.mean(decibels))))
        facts[f"mse_{label}"] = float(np.mean(np.power(10.0, -np.array(decibels) / 10.0)))
        shown.append(decoded[0])
    return Evaluation(points=tuple(points), facts=facts, shown=tuple(shown))
