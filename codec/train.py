"""`python -m codec.train CONFIG DATA OUT`: the trainer without the command line around it."""

from __future__ import annotations

import argparse
import difflib
import sys
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from codec.device import resolve_device
from codec.errors import CodecConfigError, CodecError
from codec.registry import config_type, recipe_for
from codec.training.config import TrainConfig
from codec.training.curves import redraw
from codec.training.local_images import load_crops
from codec.training.progress import Lines
from codec.training.sessions import after_minutes, on_signal
from codec.training.trainer import train


def main() -> int:
    """Parse the arguments, train, print a line every 30 s, draw curves and strips."""
    arguments = _parser().parse_args()
    ends = after_minutes(arguments.minutes)
    try:
        config = load_train_config(arguments.config)
        device = resolve_device(arguments.device)
        with on_signal() as asked:
            trained = train(
                config,
                recipe_for(config, device),
                lambda: load_crops(arguments.data, config, say=_say),
                out=arguments.out,
                resume=arguments.resume,
                start_from=arguments.start_from,
                device=device,
                workers=arguments.workers,
                stop=lambda progress: ends(progress) or asked(progress),
                on_progress=Lines(_say),
            )
        for line in redraw(arguments.out):
            _say(line)
    except CodecError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if not trained.finished:
        _say(f"ended at step {trained.step:,} with a checkpoint; the same command with --resume goes on")
    print(f"weights: {trained.weights}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m codec.train", description=__doc__)
    parser.add_argument("config", type=Path, help="YAML, see configs/train/")
    parser.add_argument("data", type=Path, help="folder of images or tar packs, or one tar pack")
    parser.add_argument("out", type=Path, help="folder for checkpoint, log, pictures and weights")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in OUT, if any")
    parser.add_argument(
        "--start-from", type=Path, help="weights file to begin with, or `shipped`; else the bare transform"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:n")
    parser.add_argument(
        "--workers", type=int, help="shares of a batch side by side; by default one per core, or one on a GPU"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        help="end this session, with a checkpoint, after so many minutes, reading the images included",
    )
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def load_train_config(path: Path) -> TrainConfig:
    """A run's config from a YAML file.

    Raises:
        ConfigError: unreadable, malformed, or a key or value that cannot be; names it and the nearest valid key.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise CodecConfigError(f"expected a training config in YAML at {path}, got {error}") from error
    if not isinstance(data, dict):
        raise CodecConfigError(f"expected keys and values in {path}, got {type(data).__name__}")
    return parse_train_config(data, where=str(path))


def parse_train_config(data: dict[str, Any], *, where: str) -> TrainConfig:
    """A run's config from keys and values; `where` is for messages.

    Raises:
        ConfigError: as `load_train_config`.
    """
    try:
        kind = config_type(data.get("family"))
    except CodecConfigError as error:
        raise CodecConfigError(f"{where}: {error}") from error
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise CodecConfigError("; ".join(_explain(item, kind, where) for item in error.errors())) from error


def _explain(item: object, kind: type[TrainConfig], where: str) -> str:
    assert isinstance(item, dict)
    place = [str(part) for part in item["loc"]]
    key = ".".join(place) or "the file"
    if item["type"] != "extra_forbidden":
        got = f" (got {item['input']!r})" if place else ""
        return f"{where}: {key}: {item['msg']}{got}"
    known = list(_model_at(place[:-1], kind).model_fields)
    near = difflib.get_close_matches(place[-1], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return f"{where}: unknown key {key}; {hint}"


def _model_at(place: list[str], kind: type[BaseModel]) -> type[BaseModel]:
    model = kind
    for name in place:
        annotation = model.model_fields[name].annotation
        options = (
            get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
        )
        model = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    return model


if __name__ == "__main__":
    sys.exit(main())
