"""`tenfold bench pipeline` and `tenfold bench memory`: the whole job on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from jobs.bench.machine import machine
from jobs.bench.options import ImagesFolder
from jobs.options import AsJson, ConfigFile, Workers, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from pipeline.bench.memory import measure_memory
from pipeline.bench.overhead import default_workers, measure_overhead


def pipeline(
    images: ImagesFolder,
    *,
    count: Annotated[int, typer.Option(min=1, help="How many of them.")] = 500,
    quality: Annotated[int, typer.Option(min=0, max=63, help="Of every image.")] = 32,
    rounds: Annotated[int, typer.Option(min=1, help="Repeat, and show every round: machines are noisy.")] = 3,
    workers: Workers = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Wall time of the whole job against the bare codec in a plain loop on the same cores."""
    with clear_errors():
        settings = read_config(config)
        workers = workers or default_workers(settings.workers)
        results = []
        for number in range(rounds):
            overhead, summary = measure_overhead(
                images, count=count, workers=workers, quality=quality, config=settings
            )
            results.append(
                {
                    **asdict(overhead),
                    "ratio": overhead.ratio,
                    "over_encode": overhead.over_encode,
                    "stage_seconds": summary.stage_seconds,
                }
            )
            say(
                f"round {number + 1}: job {overhead.job_s:.2f} s (+ {overhead.job_start_s:.2f} s start), bare "
                f"{overhead.bare_s:.2f} s, ratio {overhead.ratio:.3f}; encode alone {overhead.bare_encode_s:.2f} s, "
                f"ratio {overhead.over_encode:.2f}\n  {_by_stage(summary.stage_seconds, overhead.megapixels)}"
            )
        middle = sorted(overhead["ratio"] for overhead in results)[len(results) // 2]
        if as_json:
            print_json({"machine": machine(), "rounds": results, "median_ratio": middle})
        else:
            print(f"The job takes {middle:.3f} times the bare codec (median of {rounds}); {machine()}")


def _by_stage(seconds: Mapping[str, float], megapixels: float) -> str:
    stages = (f"{name.removesuffix('_s')} {1e3 * spent / megapixels:.0f}" for name, spent in seconds.items())
    return f"by stage, ms/MP, summed over threads: {', '.join(stages)}"


def memory(
    images: ImagesFolder,
    *,
    count: Annotated[int, typer.Option(min=1, help="Small images to run through.")] = 50_000,
    workers: Workers = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Resident memory of driver and workers over a long run of 64x64 crops."""
    with clear_errors():
        settings = read_config(config)
        workers = workers or default_workers(settings.workers)
        samples = measure_memory(images, count=count, workers=workers, config=settings)
        if as_json:
            print_json({"machine": machine(), "samples": [asdict(sample) for sample in samples]})
            return
        print("  images   driver MiB   worker MiB")
        step = max(1, len(samples) // 20)
        for sample in samples[::step]:
            print(
                f"{sample.finished:>8} {sample.driver_bytes / 2**20:>12.0f} {sample.worker_bytes / 2**20:>12.0f}"
            )
