"""`tenfold bench speed`: seconds per megapixel on one core, ours and others in the same run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from codec.bench.libraries import MissingLibraryError
from codec.bench.one_core import one_core
from codec.bench.speed import (
    SPEED_BASELINES,
    Contender,
    Speed,
    baseline_contender,
    measure_speed,
    mirrored_to,
    our_contender,
)
from codec.contract import DEFAULT_CODEC, RGB
from codec.registry import load_codec
from jobs.bench.images import BenchImage, usable_images
from jobs.bench.machine import circumstances
from jobs.bench.options import CodecId, ImagesFolder, parse_qualities
from jobs.options import AsJson
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.progress import count_steps


def speed(
    images: ImagesFolder,
    *,
    codec: CodecId = DEFAULT_CODEC,
    qualities: Annotated[str, typer.Option(help="Ours, 0 to 63, separated by commas.")] = "8,32,56",
    megapixels: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=100,
            help="Continue each smaller image by its mirror images to this size; larger ones stay as they are.",
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many images, the first by name.")] = 24,
    rounds: Annotated[int, typer.Option(min=1, help="The fastest of so many counts.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Encode and decode speed on one CPU core, every image alone, entropy coding included.

    All codecs take turns on every image; others at three qualities of their own, about 0.3, 0.7 and 1.5 bpp.
    """
    with clear_errors():
        levels = parse_qualities(qualities)
        found = usable_images(images, count=count)
        for key, reason in found.skipped.items():
            say(f"{key} is left out: {reason}")
        with one_core() as how:
            ours = our_contender(load_codec(codec, device="cpu"), levels)
            contenders, left_out = _contenders(ours)
            with count_steps("images timed", len(found.usable)) as advance:
                speeds = measure_speed(
                    contenders, _pixels(found.usable, megapixels), rounds=rounds, on_image=advance
                )
        if as_json:
            timed = {"images": len(found.usable), "megapixels": megapixels, "rounds": rounds, "one_core": how}
            print_json(_json(speeds, {**circumstances(), **timed, "left_out": left_out}))
        else:
            print(_text(speeds))
            print(f"{len(found.usable)} images; {how}; the fastest of {rounds} rounds")


def _contenders(ours: Contender) -> tuple[list[Contender], dict[str, str]]:
    contenders, left_out = [ours], {}
    for name in SPEED_BASELINES:
        try:
            contenders.append(baseline_contender(name))
        except MissingLibraryError as error:
            left_out[name] = str(error)
            say(f"{name} is left out: {error}")
    return contenders, left_out


def _pixels(images: Iterable[BenchImage], megapixels: float | None) -> Iterator[RGB]:
    for image in images:
        pixels = image.pixels()
        yield pixels if megapixels is None else mirrored_to(pixels, megapixels)


def _json(speeds: Mapping[str, Speed], about: Mapping[str, Any]) -> dict[str, Any]:
    """One object per codec, and what the numbers were made on under `about`."""
    return {**{name: asdict(measured) for name, measured in speeds.items()}, "about": dict(about)}


def _text(speeds: Mapping[str, Speed]) -> str:
    lines = ["codec     quality     bpp  encode s/MP  decode s/MP"]
    for name, measured in speeds.items():
        lines += [
            f"{name:<9} {at.quality:>7g} {at.bpp:>7.3f} {at.encode_s_per_mp:>12.4f} {at.decode_s_per_mp:>12.4f}"
            for at in measured.qualities
        ]
        lines.append(
            f"{name:<9} {'mean':>7} {'':>7} {measured.encode_s_per_mp:>12.4f} {measured.decode_s_per_mp:>12.4f}"
        )
    return "\n".join(lines)
