"""The measurements that there are."""

from __future__ import annotations

import typer

from jobs.bench.adapt import adapt
from jobs.bench.balance import balance
from jobs.bench.pipeline import memory, pipeline
from jobs.bench.rd import rd
from jobs.bench.scale import scale
from jobs.bench.serve import serve
from jobs.bench.speed import speed
from jobs.bench.zoo import zoo

bench = typer.Typer(
    name="bench",
    help="Measure this machine: speed, memory, rate and distortion.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
)
for measurement in (pipeline, memory, scale, serve, rd, zoo, speed, balance, adapt):
    bench.command()(measurement)
