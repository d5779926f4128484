"""What judges say of the default codec and of others at the same bytes an image, what judging costs, and what is lost
when pictures are encoded again and again.

    python docs/examples/judges.py PICTURES --quality 8 --out judges.md

Each picture is encoded by the default codec at that quality, and by each other codec at the setting whose file is
nearest to as many bytes. `--every 3` takes every third picture. It takes some 20 seconds of a core for each
Kodak image.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from PIL import Image

from codec.bench.baselines import BASELINES, Baseline
from codec.bench.judges import Judge, all_judges
from codec.bench.judges.generations import (
    GENERATIONS,
    Recode,
    generation_loss,
    through_baseline,
    through_codec,
)
from codec.bench.libraries import library
from codec.codec import Codec
from codec.contract import DEFAULT_CODEC, RGB, EncodeOptions
from codec.metrics import bpp, psnr_db
from codec.registry import load_codec

OTHERS = ("jpeg_420", "webp_m6", "avif_s6_444", "jxl_e7")
TRAVELLING = ("jpeg_420", "avif_s6_444")
"""Whose generation loss is measured."""
JUDGES = (
    *("SSIM", "MS-SSIM", "SSIMULACRA2", "LPIPS (AlexNet)", "DISTS", "KD-lite0"),
    *("blockiness", "spectral peaks"),
)


@dataclass
class Row:
    """One codec."""

    title: str
    bpp: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    decoded: list[RGB] = field(default_factory=list)
    qualities: list[float] = field(default_factory=list)

    def take(
        self, original: RGB, decoded: RGB, num_bytes: int, quality: float, judges: Sequence[Judge]
    ) -> None:
        """One picture."""
        height, width = original.shape[:2]
        self.bpp.append(bpp(num_bytes, width, height))
        self.psnr.append(psnr_db(original, decoded))
        self.qualities.append(quality)
        self.decoded.append(decoded)
        for judge in judges:
            if judge.of_pair is not None:
                score = timed(judge, partial(judge.of_pair, original, decoded))
                self.scores.setdefault(judge.name, []).append(score)


SECONDS: dict[str, list[float]] = {}


def timed(judge: Judge, ask: Callable[[], float]) -> float:
    """A score; the CPU seconds of it are kept."""
    began = time.process_time()
    score = ask()
    SECONDS.setdefault(judge.name, []).append(time.process_time() - began)
    return score


def nearest(baseline: Baseline, image: RGB, num_bytes: int) -> tuple[int, bytes]:
    """The quality whose file is nearest to so many bytes."""
    low, high = 1, max(baseline.qualities)
    files: dict[int, bytes] = {}
    while low < high:
        middle = (low + high) // 2
        files[middle] = baseline.encode(image, middle)
        low, high = (middle + 1, high) if len(files[middle]) < num_bytes else (low, middle)
    files.setdefault(low, baseline.encode(image, low))
    quality = min(files, key=lambda at: abs(len(files[at]) - num_bytes))
    return quality, files[quality]


def measure(images: Sequence[RGB], codec: Codec, quality: float, judges: Sequence[Judge]) -> list[Row]:
    """Ours first."""
    others = [baseline for baseline in BASELINES if baseline.id in OTHERS]
    for baseline in others:
        library(baseline.format)
    rows = [Row(f"{codec.id} q{quality:g}"), *(Row(baseline.title) for baseline in others)]
    for image in images:
        (encoded,) = codec.encode([image], EncodeOptions(quality=quality))
        (decoded,) = codec.decode([encoded.payload])
        rows[0].take(image, decoded.pixels, len(encoded.payload), quality, judges)
        for row, baseline in zip(rows[1:], others, strict=True):
            at, data = nearest(baseline, image, len(encoded.payload))
            row.take(image, baseline.decode(data), len(data), at, judges)
    for judge in judges:
        if judge.of_set is not None:
            for row in rows:
                row.scores[judge.name] = [timed(judge, partial(judge.of_set, images, row.decoded))]
    return rows


def travelling(codec: Codec, rows: Sequence[Row]) -> list[tuple[str, Recode]]:
    """Codecs whose pictures are encoded again, at the median of the settings that they were judged at."""
    found = [(rows[0].title, through_codec(codec, EncodeOptions(quality=rows[0].qualities[0])))]
    for row in rows[1:]:
        baseline = next(one for one in BASELINES if one.title == row.title)
        if baseline.id in TRAVELLING:
            at = round(float(np.median(row.qualities)))
            found.append((f"{row.title} q{at}", through_baseline(baseline, at)))
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--quality", type=float, default=8.0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    images = [
        np.asarray(Image.open(path).convert("RGB"))
        for path in sorted(asked.pictures.glob("*.png"))[:: asked.every]
    ]
    judges = [judge for judge in all_judges() if judge.name in JUDGES and judge.missing() is None]
    codec = load_codec(DEFAULT_CODEC)
    rows = measure(images, codec, asked.quality, judges)
    lines = [
        f"{len(images)} images",
        "",
        "| codec | bpp | PSNR | " + " | ".join(one.name for one in judges) + " |",
    ]
    lines.append("|---|" + "---:|" * (2 + len(judges)))
    for row in rows:
        scores = " | ".join(f"{mean(row.scores[judge.name]):.4f}" for judge in judges)
        lines.append(f"| {row.title} | {mean(row.bpp):.3f} | {mean(row.psnr):.2f} | {scores} |")
    lines += ["", *(f"floor of {one.name}: {one.floor(images):.5f}" for one in judges if one.floor)]
    lines += ["", "| judge | CPU s an image |", "|---|---:|"]
    for judge in judges:
        pictures = len(images) * len(rows) if judge.of_set is not None else len(SECONDS[judge.name])
        lines.append(f"| {judge.name} | {sum(SECONDS[judge.name]) / pictures:.2f} |")
    lines += [
        "",
        "| codec | " + " | ".join(f"{number}" for number in GENERATIONS) + " |",
        "|---|---:|---:|---:|---:|",
    ]
    for title, recode in travelling(codec, rows):
        found = generation_loss(recode, images)
        lines.append(
            f"| {title} | " + " | ".join(f"{one.psnr_db:.2f} (-{one.lost_db:.2f})" for one in found) + " |"
        )
    asked.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
