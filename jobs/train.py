"""`tenfold train`: train a preset of the codec, from nothing or from the shipped weights, on your own images."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from codec.training.config import load_config
from codec.training.trainer import Progress
from codec.training.trainer import train as train_preset
from jobs.console import LINE_EVERY_S, clear_errors, say


def train(
    *,
    config: Annotated[
        Path, typer.Option(metavar="FILE", help="A recipe, such as configs/train/ae-zfp-25x.yaml.")
    ],
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="A folder of images or tar packs, or one tar pack.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where checkpoint, log and weights go.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in --out, if any.")
    ] = False,
    start_from: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights to begin with, e.g. the shipped ones.")
    ] = None,
) -> None:
    """Train one preset of the codec, on CPU or GPU.

    Kill it at any time: the same command with --resume goes on, and the weights come out the same. docs/training.md
    says how the shipped weights were made, and how a set of presets becomes a codec.
    """
    with clear_errors():
        weights = train_preset(
            load_config(config), data, out=out, resume=resume, start_from=start_from, on_progress=_Teller()
        )
        print(weights)


class _Teller:
    """One line at each evaluation, at most every 30 s, and at the end."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.step < progress.steps and now - self._last < LINE_EVERY_S:
            return
        self._last = now
        say(
            f"step {progress.step:,}/{progress.steps:,}  loss {progress.loss:.5f}  on held-back crops: "
            f"{progress.ratio:.1f}x {progress.bpp:.3f} bpp {progress.psnr_db:.2f} dB  "
            f"{progress.seconds_left / 60:.0f} min left"
        )
