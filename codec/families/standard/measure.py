"""Measure presets of `standard-1` against the same chains without networks: whole payloads, real files, real pixels.

    python -m codec.families.standard.measure IMAGES --weights compact.safetensors [--side 180]

Without networks there are two: the picture itself as a JPEG file (`plain`), and half of it, enlarged bicubically
(`halved`). They run through the same code, with a model that has no network.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from codec.contract import RGB, EncodeOptions
from codec.errors import CodecError
from codec.families.standard.codec import StandardCodec
from codec.families.standard.config import ModelConfig
from codec.families.standard.model import StandardModel
from codec.families.standard.weights import Weights, export, understand
from codec.metrics import bpp, ms_ssim, psnr_db, ssim
from codec.weights_file import parse_weights, read_weights

MEASURED_QUALITIES: Final = (0, 3, 6, 10, 16, 24, 36, 52)
RATES: Final = (0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.8)
"""Bits a pixel at which curves are compared."""
WITHOUT: Final = {"plain": ModelConfig(shrink=1), "halved": ModelConfig(shrink=2)}
_SCORES: Final = ("PSNR", "SSIM", "MS-SSIM")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelCurve:
    """What one model makes of some images, means over them at each quality."""

    name: str
    bpp_Q: npt.NDArray[np.float64]
    scores_QS: npt.NDArray[np.float64]
    """PSNR in dB, SSIM, MS-SSIM; the last is not a number where images are too small for it."""

    def at(self, rate: float) -> npt.NDArray[np.float64]:
        """(S,) scores at a rate, linear over its logarithm between measured points; not a number beyond them."""
        return np.array([_between(math.log(rate), np.log(self.bpp_Q), one) for one in self.scores_QS.T])

    def rate_at(self, score: int, value: float) -> float:
        """The rate at which a score is met; not a number beyond the measured points."""
        return math.exp(_between(float(_even(value)), _even(self.scores_QS[:, score]), np.log(self.bpp_Q)))


def without_networks(config: ModelConfig, name: str) -> Weights:
    """A model that has none."""
    return understand(parse_weights(export(StandardModel(config), name=name, recipe={}), where=name))


def measured(
    weights: Weights, images: Sequence[RGB], qualities: Sequence[float] = MEASURED_QUALITIES
) -> ModelCurve:
    """A model's curve over some images."""
    codec = StandardCodec(weights, device=torch.device("cpu"))
    rows = [[_one(codec, image, quality) for image in images] for quality in qualities]
    means_QS = np.array(rows).mean(1)
    return ModelCurve(name=weights.config.name, bpp_Q=means_QS[:, 0], scores_QS=means_QS[:, 1:])


def _one(codec: StandardCodec, image: RGB, quality: float) -> tuple[float, ...]:
    (encoded,) = codec.encode([image], EncodeOptions(quality=quality))
    (decoded,) = codec.decode([encoded.payload])
    scores = (measure(image, decoded.pixels) for measure in (psnr_db, ssim, ms_ssim))
    return (
        bpp(len(encoded.payload), image.shape[1], image.shape[0]),
        *(math.nan if score is None else score for score in scores),
    )


def table_of_rates(curves: Sequence[ModelCurve]) -> list[str]:
    """Markdown: scores of every curve at every rate that it reaches."""
    lines = ["| bpp | model | PSNR, dB | SSIM | MS-SSIM |", "|---:|---|---:|---:|---:|"]
    for rate in RATES:
        for curve in curves:
            decibels, likeness, multi = curve.at(rate)
            if not math.isnan(decibels):
                lines.append(f"| {rate:.2f} | {curve.name} | {decibels:.2f} | {likeness:.4f} | {multi:.4f} |")
    return lines


def table_of_savings(curve: ModelCurve, other: ModelCurve) -> list[str]:
    """Markdown: at each measured quality of a curve, the bytes that another takes for the same scores."""
    lines = [f"| bpp of {curve.name} | " + " | ".join(f"bytes at equal {one}" for one in _SCORES) + " |"]
    lines.append("|---:|" + "---:|" * len(_SCORES))
    for rate, scores in zip(curve.bpp_Q, curve.scores_QS, strict=True):
        shares = [rate / other.rate_at(number, value) - 1.0 for number, value in enumerate(scores)]
        cells = ["-" if math.isnan(share) else f"{share:+.1%}" for share in shares]
        lines.append(f"| {rate:.3f} | " + " | ".join(cells) + " |")
    return lines


def _even(scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Scores up to 1 spread like decibels; decibels as they are."""
    values = np.asarray(scores, np.float64)
    return np.where(values > 1.0, values, -np.log1p(-np.minimum(values, 1.0 - 1e-9)))


def _between(at: float, xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64]) -> float:
    return float(np.interp(at, xs, ys, left=math.nan, right=math.nan))


def _read(path: Path, side: int | None) -> RGB:
    with Image.open(path) as picture:
        pixels = picture.convert("RGB")
        return np.asarray(pixels if side is None else pixels.resize((side, side)))


def main() -> int:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("images", type=Path, help="a folder of PNG files")
    parser.add_argument("--weights", type=Path, nargs="*", default=(), help="weights files to measure")
    parser.add_argument("--side", type=int, help="stretch every image to a square of so many pixels first")
    arguments = parser.parse_args()
    images = [_read(path, arguments.side) for path in sorted(arguments.images.glob("*.png"))]
    try:
        models = [understand(read_weights(path)) for path in arguments.weights]
    except CodecError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    plain, halved = (measured(without_networks(config, name), images) for name, config in WITHOUT.items())
    curves = [measured(one, images) for one in models]
    print("\n".join(table_of_rates([plain, halved, *curves])))
    for curve in curves:
        print("\n" + "\n".join(table_of_savings(curve, plain)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
