"""The log's experiment: latents of the model of large crops, decoded by the model of small ones.

"Not terrible, converges badly", it says, and tells what was tried: normalising, alternating. Here the gap is measured
as it is, with each channel normalised, through the best linear map, and after the small model's decoder was trained on
the latents of both, in turn.

Shape legend: x_BCHW YCbCr pixels; y_BChw latents in steps of a model's own; N positions, C channels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from codec.colour import pixels_to_planes, planes_to_pixels, rgb_to_ycbcr
from codec.contract import RGB
from codec.errors import CodecError
from codec.families.classic.networks import CLASSIC
from codec.grid.model import GridModel
from codec.grid.weights import understand
from codec.metrics import psnr_db
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops
from codec.training.local_images import load_crops
from codec.training.patch_source import PatchSource
from codec.weights_file import read_weights

_CPU: Final = torch.device("cpu")
_BATCH: Final = 8
_SIDE: Final = 176
"""Pixels of a patch, either way: those that the small model was trained on."""
_LEARNING_RATE: Final = 3e-4
_MAPPED_CROPS: Final = 40
"""Crops that the maps between latents are fitted to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WayToDecode:
    """One way to decode the latents of the large crops' model."""

    way: str
    psnr_db: float
    own_psnr_db: float
    """Of the decoder's own latents, which it must not forget."""


def compare(
    large: GridModel, small: GridModel, crops: Crops, images: Sequence[RGB], steps: int
) -> list[WayToDecode]:
    """Measure every way, the first one without crossing; the small model's decoder is trained on.

    Args:
        large: whose latents they are, at its own quality.
        small: whose decoder shows them.
        crops: to map and to train by.
        images: to measure on.
        steps: of training, each on a batch of the latents of one model.
    """
    pairs = [_latents(large, small, image) for image in crops.spread(_MAPPED_CROPS)]
    theirs_NC, ours_NC = (torch.cat(side) for side in zip(*pairs, strict=True))
    ways: list[tuple[str, GridModel, Callable[[Tensor], Tensor]]] = [
        ("its own decoder", large, lambda y: y),
        ("as they are", small, lambda y: y),
        ("each channel normalised", small, _normalised(theirs_NC, ours_NC)),
        ("by the best linear map", small, _mapped(theirs_NC, ours_NC)),
    ]
    rows = [_row(way, large, decoder, turn, images) for way, decoder, turn in ways]
    train_in_turn(large, small, crops, steps)
    return [*rows, _row(f"after {steps} steps in turn", large, small, lambda y: y, images)]


def train_in_turn(large: GridModel, small: GridModel, crops: Crops, steps: int) -> None:
    """Train what shows the small model's latents on those of both; nothing else moves."""
    chance, patches = np.random.default_rng(0), PatchSource(crops, _CPU)
    names = ("decode", "bends")
    moving = [value for name, value in small.network.named_parameters() if name.startswith(names)]
    for value in moving:
        value.requires_grad_(True)
    optimiser = torch.optim.AdamW(moving, lr=_LEARNING_RATE)
    for step in range(steps):
        x_BCHW = rgb_to_ycbcr(patches.draw(_BATCH, _SIDE, chance))
        with torch.no_grad():
            y_BChw = (large, small)[step % 2].analyse(x_BCHW).round()
        loss = (small.synthesise(y_BChw) - x_BCHW).square().mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()


def _latents(large: GridModel, small: GridModel, image: RGB) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():
        x_1CHW = pixels_to_planes(image, large.network.grid)
        theirs, ours = (model.analyse(x_1CHW).permute(0, 2, 3, 1).flatten(0, 2) for model in (large, small))
    return theirs.clone(), ours.clone()


def _normalised(theirs_NC: Tensor, ours_NC: Tensor) -> Callable[[Tensor], Tensor]:
    scale_C = ours_NC.std(0) / theirs_NC.std(0).clamp_min(1e-6)
    shift_C = ours_NC.mean(0) - theirs_NC.mean(0) * scale_C
    return lambda y_BChw: y_BChw * scale_C.view(1, -1, 1, 1) + shift_C.view(1, -1, 1, 1)


def _mapped(theirs_NC: Tensor, ours_NC: Tensor) -> Callable[[Tensor], Tensor]:
    ones_N1 = torch.ones(len(theirs_NC), 1)
    map_KC = torch.linalg.lstsq(torch.cat((theirs_NC, ones_N1), 1), ours_NC).solution
    matrix_CC, shift_C = map_KC[:-1], map_KC[-1]
    return lambda y_BChw: torch.einsum("bihw,io->bohw", y_BChw, matrix_CC) + shift_C.view(1, -1, 1, 1)


def _row(
    way: str, large: GridModel, decoder: GridModel, turn: Callable[[Tensor], Tensor], images: Sequence[RGB]
) -> WayToDecode:
    crossed = [_shown(large, decoder, turn, image) for image in images]
    own = [_shown(decoder, decoder, lambda y: y, image) for image in images]
    return WayToDecode(way=way, psnr_db=float(np.mean(crossed)), own_psnr_db=float(np.mean(own)))


def _shown(encoder: GridModel, decoder: GridModel, turn: Callable[[Tensor], Tensor], image: RGB) -> float:
    """PSNR of an image that one model encodes, in whole steps, and another shows."""
    with torch.inference_mode():
        y_1Chw = encoder.analyse(pixels_to_planes(image, encoder.network.grid)).round()
        shown = planes_to_pixels(decoder.synthesise(turn(y_1Chw)))
    return psnr_db(image, np.ascontiguousarray(shown[: image.shape[0], : image.shape[1]]))


def main() -> int:
    """Read two presets and images, measure, and print a table."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("large", type=Path, help="weights of the model whose latents they are")
    parser.add_argument("small", type=Path, help="weights of the model whose decoder shows them")
    parser.add_argument("data", type=Path, help="images to train on")
    parser.add_argument("images", type=Path, help="images to measure on")
    parser.add_argument("--steps", type=int, default=200, help="of training in turn")
    arguments = parser.parse_args()
    try:
        large, small = (
            understand(read_weights(path), CLASSIC).model for path in (arguments.large, arguments.small)
        )
        reading = TrainConfig(family=CLASSIC.id, preset="cross-resolution", steps=1, patch=_SIDE)
        crops, images = load_crops(arguments.data, reading), load_crops(arguments.images, reading)
        print("\n".join(_table(compare(large, small, crops, images.pixels, arguments.steps))))
    except CodecError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _table(rows: Sequence[WayToDecode]) -> Iterator[str]:
    yield "| decoded by the other model | PSNR (dB) | own latents (dB) |"
    yield "|---|---:|---:|"
    for row in rows:
        yield f"| {row.way} | {row.psnr_db:.2f} | {row.own_psnr_db:.2f} |"


if __name__ == "__main__":
    sys.exit(main())
