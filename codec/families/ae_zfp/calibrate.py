"""From five trained presets to 64 qualities: which model and step serve which, measured on held-back crops."""

from __future__ import annotations

import argparse
import math
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from codec.contract import QUALITIES, RGB
from codec.errors import CodecError, TrainingError
from codec.families.ae_zfp import FAMILY
from codec.families.ae_zfp.evaluate import evaluate
from codec.families.ae_zfp.weights import INDEX_NAME, FamilyIndex, QualityPoint, Weights, load_weights
from codec.training.config import TrainConfig
from codec.training.local_images import load_crops

OCTAVES: Final = (-0.75, -0.375, 0.0, 0.375, 0.75)
"""Steps measured, relative to the step a preset was trained around."""
ANCHORS: Final = ((0, 135.0), (3, 122.0), (8, 100.0), (20, 60.0), (41, 25.0), (61, 10.0), (63, 9.2))
"""(quality, ratio): between them the ratio changes geometrically."""


def target_ratio(quality: int) -> float:
    """The ratio against raw 24-bit RGB that a quality stands for."""
    at, logs = zip(*((q, math.log(ratio)) for q, ratio in ANCHORS), strict=True)
    return float(math.exp(np.interp(quality, at, logs)))


def nominal_ratio(preset: str) -> float:
    """`25x` -> 25."""
    return float(preset.removesuffix("x"))


def measure_curve(weights: Weights, images: Sequence[RGB]) -> list[tuple[float, float]]:
    """(step, ratio) at several steps around the one a preset was trained for."""
    quantiser = weights.config.quantiser
    steps = [quantiser.step * 2.0**octave for octave in OCTAVES]
    reached = [evaluate(weights.model, images, quantiser, step=step) for step in steps]
    return [(step, point.ratio) for step, point in zip(steps, reached, strict=True)]


def step_for(ratio: float, curve: Sequence[tuple[float, float]]) -> float:
    """The step at which a curve meets a ratio: interpolated, beyond its ends continued, in logarithms."""
    steps, ratios = (np.log(np.array(values)) for values in zip(*curve, strict=True))
    goal = math.log(ratio)
    if goal < ratios[0] or goal > ratios[-1]:
        near, far = (0, 1) if goal < ratios[0] else (-1, -2)
        slope = (steps[near] - steps[far]) / (ratios[near] - ratios[far])
        return float(math.exp(steps[near] + slope * (goal - ratios[near])))
    return float(math.exp(np.interp(goal, ratios, steps)))


def build_index(curves: dict[str, list[tuple[float, float]]], calibration: str) -> FamilyIndex:
    """Give every quality the preset whose nominal ratio is nearest (in proportion), and its step."""
    presets = sorted(curves, key=nominal_ratio, reverse=True)
    points: list[QualityPoint] = []
    for quality in QUALITIES:
        ratio = target_ratio(quality)
        preset = min(presets, key=lambda name: abs(math.log(nominal_ratio(name) / ratio)))
        points.append(
            QualityPoint(preset=preset, step=step_for(ratio, curves[preset]), ratio=round(ratio, 3))
        )
    near = {
        preset: min(QUALITIES, key=lambda q: abs(math.log(points[q].ratio / nominal_ratio(preset))))
        for preset in presets
    }
    return FamilyIndex(
        presets=tuple(presets), qualities=tuple(points), preset_quality=near, calibration=calibration
    )


def main() -> int:
    """Calibrate the presets in a folder of runs and write a family folder."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("runs", type=Path, help="folder with RUN/PRESET.safetensors of every preset")
    parser.add_argument("data", type=Path, help="the training images: their held-back part is measured on")
    parser.add_argument("out", type=Path, help="family folder to write: weights, logs, index.json")
    parser.add_argument("--crops", type=int, default=40, help="held-back crops to measure on")
    parser.add_argument("--held-back", type=float, default=0.05, help="as in the training config")
    arguments = parser.parse_args()
    try:
        paths = _trained(arguments.runs)
        images = _held_back(arguments.data, share=arguments.held_back, count=arguments.crops)
        arguments.out.mkdir(parents=True, exist_ok=True)
        curves: dict[str, list[tuple[float, float]]] = {}
        for path in paths:
            weights = load_weights(path)
            curves[weights.config.preset] = measure_curve(weights, images)
            shutil.copyfile(path, arguments.out / path.name)
            shutil.copyfile(path.parent / "log.jsonl", arguments.out / f"{path.stem}.log.jsonl")
            print(
                weights.config.preset, [(round(s, 4), round(r, 2)) for s, r in curves[weights.config.preset]]
            )
        index = build_index(curves, f"{len(images)} held-back crops of the training data, whole payloads")
        (arguments.out / INDEX_NAME).write_text(index.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except CodecError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _held_back(data: Path, *, share: float, count: int) -> list[RGB]:
    """Of the training images those that a run with this share was not trained on."""
    reading = TrainConfig(family=FAMILY.id, preset="all", steps=1, patch=256)
    _, held_back = load_crops(data, reading).split(share)
    return held_back.spread(count)


def _trained(runs: Path) -> list[Path]:
    paths = sorted(runs.glob("*/*.safetensors"))
    if not paths:
        raise TrainingError(f"expected weights at {runs}/RUN/PRESET.safetensors, found none")
    return paths


if __name__ == "__main__":
    sys.exit(main())
