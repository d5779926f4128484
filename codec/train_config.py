"""A training run's config from a YAML file. The family that it names says which keys it takes."""

from __future__ import annotations

import difflib
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from codec.errors import CodecConfigError
from codec.registry import config_type
from codec.training.config import TrainConfig


def load_train_config(path: Path) -> TrainConfig:
    """A run's config from a YAML file.

    Raises:
        CodecConfigError: unreadable, malformed, or a key or value that cannot be; names it and the nearest valid key.
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
        CodecConfigError: as `load_train_config`.
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
