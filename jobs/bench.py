"""`tenfold bench ...`: the measurements behind docs/benchmarks/, on your own machine and images."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from codec.contract import QUALITIES
from codec.registry import DEFAULT_CODEC, load_codec
from jobs.console import clear_errors, print_json, say
from jobs.options import AsJson, ConfigFile, Workers, read_config
from pipeline.errors import ConfigError

bench = typer.Typer(help="Measure this machine: speed, memory, rate and distortion.", no_args_is_help=True)

Images = Annotated[Path, typer.Option("--images", metavar="DIR", help="A folder of real images.")]


@bench.command()
def pipeline(
    images: Images,
    *,
    count: Annotated[int, typer.Option(min=1, help="How many of them.")] = 500,
    quality: Annotated[int, typer.Option(min=0, max=63)] = 32,
    rounds: Annotated[int, typer.Option(min=1, help="Repeat, and show every round: machines are noisy.")] = 3,
    workers: Workers = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Wall time of the whole job against the bare codec in a plain loop on the same cores."""
    from pipeline.bench import measure_overhead

    with clear_errors():
        settings = read_config(config)
        results = []
        for number in range(rounds):
            overhead, summary = measure_overhead(
                images, count=count, workers=workers or os.cpu_count() or 1, quality=quality, config=settings
            )
            results.append(
                {**asdict(overhead), "ratio": overhead.ratio, "stage_seconds": summary.stage_seconds}
            )
            say(
                f"round {number + 1}: job {overhead.job_s:.2f} s (+ {overhead.job_start_s:.2f} s start), bare "
                f"{overhead.bare_s:.2f} s, ratio {overhead.ratio:.3f}; encode alone {overhead.bare_encode_s:.2f} s"
            )
        middle = sorted(overhead["ratio"] for overhead in results)[len(results) // 2]
        if as_json:
            print_json({"machine": _machine(), "rounds": results, "median_ratio": middle})
        else:
            print(f"The job takes {middle:.3f} times the bare codec (median of {rounds}); {_machine()}")


@bench.command()
def memory(
    images: Images,
    *,
    count: Annotated[int, typer.Option(min=1, help="Small images to run through.")] = 50_000,
    workers: Workers = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Resident memory of driver and workers over a long run of 64x64 crops."""
    from pipeline.bench import measure_memory

    with clear_errors():
        samples = measure_memory(
            images, count=count, workers=workers or os.cpu_count() or 1, config=read_config(config)
        )
        if as_json:
            print_json({"machine": _machine(), "samples": [asdict(sample) for sample in samples]})
            return
        print("  images   driver MiB   worker MiB")
        step = max(1, len(samples) // 20)
        for sample in samples[::step]:
            print(
                f"{sample.finished:>8} {sample.driver_bytes / 2**20:>12.0f} {sample.worker_bytes / 2**20:>12.0f}"
            )


@bench.command()
def rd(
    images: Images,
    *,
    qualities: Annotated[str, typer.Option(help="Which, separated by commas.")] = "0,8,16,24,32,40,48,56,63",
    codec: Annotated[str, typer.Option(help="Codec id.")] = DEFAULT_CODEC,
    as_json: AsJson = False,
) -> None:
    """Rate and distortion of a codec: whole payloads, PSNR and MS-SSIM on decoded 8-bit pixels, seconds."""
    from codec.bench import rd_table
    from pipeline.images import read_image, to_rgb
    from pipeline.sources import parse_source
    from pipeline.types import Image

    with clear_errors():
        source = parse_source(str(images))
        read = (read_image(source.read(image)) for image in source.images())
        pixels = [to_rgb(image) for image in read if isinstance(image, Image)]
        points = rd_table(load_codec(codec), pixels, _levels(qualities))
        if as_json:
            print_json({"machine": _machine(), "codec": codec, "points": [asdict(point) for point in points]})
            return
        print("quality    bpp   ratio  PSNR dB  MS-SSIM  encode s/MP  decode s/MP")
        for point in points:
            ms_ssim = "-" if point.ms_ssim is None else f"{point.ms_ssim:.4f}"
            print(
                f"{point.quality:>7} {point.bpp:>6.3f} {point.ratio:>7.1f} {point.psnr_db:>8.2f} {ms_ssim:>8} "
                f"{point.encode_s_per_mp:>12.3f} {point.decode_s_per_mp:>12.3f}"
            )


def _levels(text: str) -> list[int]:
    try:
        levels = [int(word) for word in text.split(",")]
    except ValueError:
        levels = []
    if not levels or any(level not in QUALITIES for level in levels):
        raise ConfigError(f"Expected qualities from 0 to 63 separated by commas, got {text!r}.")
    return levels


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, Python {platform.python_version()}"
