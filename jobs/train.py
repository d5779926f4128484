"""`tenfold train`: train a model of any codec family on your own images, from nothing or from shipped weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codec.device import resolve_device
from codec.registry import recipe_for
from codec.train_config import load_train_config
from codec.training.drawings import redraw as redraw_run
from codec.training.local_images import load_kinds
from codec.training.progress import progress_line
from codec.training.session import Session, interrupted_by_signals
from codec.training.trainer import train as train_preset
from codec.training.written import check_folder
from jobs.options import usage
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import say
from jobs.terminal.progress import show_training
from jobs.watched import watched
from pipeline.store.urls import LOCAL, local_path, scheme
from pipeline.training.images import read_training_images


@watched
def train(
    *,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A recipe, such as configs/train/hyper-small.yaml.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="SRC",
            help="Images: a folder, URL, glob or list; tar packs and Parquet files of images are opened.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where checkpoint, log, pictures and weights go.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in --out, if any.")
    ] = False,
    start_from: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Weights to begin with; `shipped` for the shipped ones."),
    ] = None,
    held_out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Images that SRC does not hold, in a folder for every kind (buildings/, screens/): every evaluation "
            "measures each kind too, so that the log shows what gains and what loses.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:n.")] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Shares of a batch side by side; by default one per core, or one on a GPU.",
        ),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            min=0.0,
            help="End this session after N minutes, with a checkpoint and weights; reading and exporting count.",
        ),
    ] = None,
    redraw: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Only draw the curves and pictures of a run anew.")
    ] = None,
) -> None:
    """Train a model of a codec family, on CPU or GPU.

    Kill it at any time: the same command with --resume goes on. Ctrl-C ends with a checkpoint, and no new weights.
    docs/guide/train.md says how the shipped weights were made.

    Examples:

      tenfold train --config configs/train/hyper-small.yaml --data photos/ --out runs/small --resume

      tenfold compress photos/ archive/ --weights runs/small/small.safetensors
    """
    if redraw is not None:
        with clear_errors():
            for line in redraw_run(redraw):
                print(line)
    elif config is None or data is None or out is None:
        raise typer.BadParameter("expected --config, --data and --out, or --redraw alone; got less")
    else:
        with clear_errors(
            stopped="Stopped. The same command with --resume goes on from the last checkpoint."
        ):
            _session(config, data, out, resume, start_from, held_out, device, workers, minutes)


def _session(
    config: Path,
    data: str,
    out: Path,
    resume: bool,
    start_from: Path | None,
    held_out: Path | None,
    device: str,
    workers: int | None,
    minutes: float | None,
) -> None:
    with usage():
        place = resolve_device(device)
    check_folder(out, Path(local_path(data)) if scheme(data) in LOCAL else None)
    settings = load_train_config(config)
    with show_training() as show:
        session = Session(
            minutes=minutes, tell=lambda stage: show.stage(stage.words, stage.done, stage.total)
        )
        with interrupted_by_signals(session):
            trained = train_preset(
                settings,
                recipe_for(settings, place),
                lambda: read_training_images(data, settings, say=say),
                out=out,
                resume=resume,
                start_from=start_from,
                held_out=lambda: {} if held_out is None else load_kinds(held_out, settings),
                device=place,
                workers=workers,
                session=session,
                on_progress=lambda progress: show.step(progress.fraction_done, progress_line(progress)),
            )
        lines = redraw_run(out, tell=lambda done, total: show.stage("drawings made", done, total))
    for line in lines:
        say(line)
    if not trained.finished:
        left_out = "" if trained.exported else ", without new weights"
        say(
            f"Ended at step {trained.step:,} with a checkpoint{left_out}; the same command with --resume goes on."
        )
    if trained.exported:
        print(trained.weights)
