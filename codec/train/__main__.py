"""The trainer without the command line around it, on a machine that has nothing but the codec."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codec.device import resolve_device
from codec.errors import CodecError
from codec.registry import recipe_for
from codec.train_config import load_train_config
from codec.training.drawings import redraw
from codec.training.local_images import load_crops, load_kinds
from codec.training.progress import Lines
from codec.training.session import Session, interrupted_by_signals
from codec.training.trainer import train
from codec.training.written import check_folder


def main() -> int:
    """Parse the arguments, train, print a line every 30 s, and draw what there is to look at."""
    arguments = _parser().parse_args()
    lines = Lines(_say)
    session = Session(minutes=arguments.minutes, tell=lines.stage)
    try:
        check_folder(arguments.out, arguments.data)
        config = load_train_config(arguments.config)
        device = resolve_device(arguments.device)
        with interrupted_by_signals(session):
            trained = train(
                config,
                recipe_for(config, device),
                lambda: load_crops(arguments.data, config, say=_say),
                out=arguments.out,
                resume=arguments.resume,
                start_from=arguments.start_from,
                held_out=lambda: load_kinds(arguments.held_out, config) if arguments.held_out else {},
                device=device,
                workers=arguments.workers,
                session=session,
                on_progress=lines.step,
            )
        for line in redraw(arguments.out):
            _say(line)
    except CodecError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not trained.finished:
        _say(f"ended at step {trained.step:,} with a checkpoint; the same command with --resume goes on")
    if trained.exported:
        print(f"weights: {trained.weights}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description=__doc__)
    parser.add_argument("config", type=Path, help="YAML, see configs/train/")
    parser.add_argument("data", type=Path, help="folder of images or tar packs, or one tar pack")
    parser.add_argument("out", type=Path, help="folder for checkpoint, log, pictures and weights")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in OUT, if any")
    parser.add_argument(
        "--start-from", type=Path, help="weights file to begin with, or `shipped`; else the bare transform"
    )
    parser.add_argument(
        "--held-out", type=Path, help="folder with images that DATA does not hold, a folder a kind"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:n")
    parser.add_argument(
        "--workers", type=int, help="shares of a batch side by side; by default one per core, or one on a GPU"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        help="end this session after so many minutes, with a checkpoint and the weights; everything counts, reading "
        "the images and writing the weights included",
    )
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
