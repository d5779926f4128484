"""`tenfold bench adapt`: what adapting weights to a folder's images gains on those of them that are held back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

from codec.adaptation.adapt import adapt as adapt_weights
from codec.adaptation.folder import Adapted
from codec.adaptation.measured import measure
from codec.adaptation.settings import AdaptationSettings
from codec.adaptation.verdict import Verdict, verdict_on
from codec.adaptation.watch import AdaptationProgress
from codec.contract import DEFAULT_CODEC, RGB
from codec.device import resolve_device
from codec.registry import load_codec
from codec.training.config import DataConfig
from codec.training.gather import crops_of
from codec.training.image_crops import Crops
from jobs.bench.images import BenchImage, usable_images
from jobs.bench.machine import circumstances
from jobs.bench.options import CodecId, ImagesFolder, read_folder
from jobs.options import AsJson
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from pipeline.errors import UsageError

_SAY_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Split:
    """A folder's images, by whole images."""

    crops: Crops
    """To adapt to."""
    images: int
    """That those are of."""
    held_back: list[RGB]
    """One crop of each."""


def adapt(
    images: ImagesFolder,
    *,
    codec: CodecId = DEFAULT_CODEC,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="Train so long on the clock; 10 if no steps are given.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Train so many steps instead.")] = None,
    held_back: Annotated[
        int, typer.Option(min=1, help="Images to judge by, drawn at random; none is trained on.")
    ] = 16,
    crop: Annotated[
        int, typer.Option(min=192, help="Larger images are trained on and judged in crops of so many pixels.")
    ] = 512,
    seed: Annotated[int, typer.Option(min=0, help="Another one draws other images and patches.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:n.")] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=read_folder,
            help="Keep checkpoint, log and weights here; the same command goes on.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Adapt the shipped weights to images, and judge them by real bytes and pixels of images held back."""
    with clear_errors():
        if minutes is not None and steps is not None:
            raise UsageError("Expected --minutes or --steps, got both; choose one.")
        seconds = None if steps is not None else 60.0 * (10.0 if minutes is None else minutes)
        settings = AdaptationSettings(seconds=seconds, steps=steps, seed=seed)
        (start,) = load_codec(codec, device="cpu").weights.values()
        data = DataConfig(crop=crop)
        split = _split(usable_images(images).usable, held_back, data, least=settings.patch, seed=seed)
        say(f"{split.images} images to adapt to ({len(split.crops)} crops), {len(split.held_back)} held back")
        with nullcontext(out) if out is not None else TemporaryDirectory() as folder:
            began = time.process_time()
            adapted = adapt_weights(
                start,
                split.crops,
                family=codec,
                settings=settings,
                out=Path(folder),
                device=resolve_device(device),
                on_progress=_Lines(),
            )
            assert adapted is not None, "nothing stops it"
            cpu_s = time.process_time() - began
        say("judging by the images held back")
        before, after = (
            measure(split.held_back, weights, family=codec, device=device)
            for weights in (start, adapted.weights)
        )
        verdict = verdict_on(before, after, weights_bytes=len(adapted.difference or adapted.weights))
        about = _about(split, adapted, cpu_s)
        if as_json:
            print_json({**about, **asdict(verdict), "about": circumstances()})
        else:
            print(_text(about, verdict))


class _Lines:
    """Says a line a minute."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, progress: AdaptationProgress) -> None:
        if time.monotonic() - self._last < _SAY_EVERY_S:
            return
        self._last = time.monotonic()
        gain = "" if progress.gain_percent is None else f", about {progress.gain_percent:+.1f} %"
        say(f"step {progress.step:,}, {progress.seconds_left / 60.0:.0f} min left{gain}")


def _split(
    images: Sequence[BenchImage], held_back: int, data: DataConfig, *, least: int, seed: int
) -> _Split:
    """Cut a folder in two, at random and by whole images."""
    large = [image for image in images if min(image.width, image.height) >= least]
    order = np.random.default_rng(seed).permutation(len(large))
    judged = [
        next(crops_of(large[place].key, large[place].pixels(), data, seed))[1] for place in order[:held_back]
    ]
    used = order[held_back : held_back + data.max_images]
    named = [crop for place in used for crop in crops_of(large[place].key, large[place].pixels(), data, seed)]
    crops = Crops(names=tuple(name for name, _ in named), pixels=tuple(pixels for _, pixels in named))
    return _Split(crops=crops, images=len(used), held_back=judged)


def _about(split: _Split, adapted: Adapted, cpu_s: float) -> dict[str, Any]:
    return {
        "images_adapted_to": split.images,
        "crops": len(split.crops),
        "held_back": len(split.held_back),
        "steps": adapted.steps,
        "cpu_s": round(cpu_s, 1),
        "whole_weights_bytes": len(adapted.weights),
    }


def _text(about: dict[str, Any], verdict: Verdict) -> str:
    """The verdict by band, the cost, and what follows."""
    lines = [f"{'qualities':<12} {'bits':>8}  {'surely':>8}"]
    lines += [
        f"{band.from_quality:g} to {band.to_quality:g}".ljust(12)
        + f" {band.percent:>+7.1f}%  {band.bound_percent:>+7.1f}%"
        for band in verdict.bands
    ]
    lines.append(f"{'all':<12} {verdict.percent:>+7.1f}%  {verdict.bound_percent:>+7.1f}%")
    lines.append(f"worst image {verdict.worst_percent:+.1f} %")
    lines.append(f"{about['steps']:,} steps, {about['cpu_s']:,.0f} CPU s")
    lines.append(f"weights {about['whole_weights_bytes']:,} bytes, stored as {verdict.weights_bytes:,}")
    if verdict.pays_back_after_bytes is not None:
        lines.append(f"paid back after {verdict.pays_back_after_bytes:,} bytes of payloads")
    return "\n".join([*lines, f"{'accepted' if verdict.accepted else 'refused'}: {verdict.reason}"])
