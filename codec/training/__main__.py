"""`python -m codec.training CONFIG DATA OUT`: the trainer without the command line around it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codec.errors import CodecError
from codec.training.config import load_config
from codec.training.trainer import Progress, train


def main() -> int:
    """Parse the arguments, train, print a line per progress report."""
    parser = argparse.ArgumentParser(prog="python -m codec.training", description=__doc__)
    parser.add_argument("config", type=Path, help="YAML, see configs/train/")
    parser.add_argument("data", type=Path, help="folder of images or tar packs, or one tar pack")
    parser.add_argument("out", type=Path, help="folder for checkpoint, log and weights")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint in OUT, if there is one"
    )
    parser.add_argument(
        "--start-from", type=Path, help="weights file to begin with instead of the bare transform"
    )
    arguments = parser.parse_args()
    try:
        config = load_config(arguments.config)
        weights = train(
            config,
            arguments.data,
            out=arguments.out,
            resume=arguments.resume,
            start_from=arguments.start_from,
            on_progress=_print,
        )
    except CodecError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"weights: {weights}")
    return 0


def _print(progress: Progress) -> None:
    print(
        f"step {progress.step}/{progress.steps}  loss {progress.loss:.5f}  "
        f"held back: {progress.ratio:.1f}x {progress.bpp:.3f} bpp {progress.psnr_db:.2f} dB  "
        f"{progress.seconds_left / 60:.0f} min left",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
