"""A training run's config from a YAML file. The family that it names says which keys it takes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from codec.errors import CodecConfigError
from codec.family import CODEC_ITSELF
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
        got = "nothing" if data is None else type(data).__name__
        raise CodecConfigError(f"expected keys and values in {path}, got {got}; configs/train/ has examples")
    return parse_train_config(data, where=str(path))


def parse_train_config(data: dict[str, Any], *, where: str) -> TrainConfig:
    """A run's config from keys and values; `where` is for messages.

    Raises:
        CodecConfigError: as `load_train_config`.
    """
    try:
        kind = config_type(data.get("family"), data.get("trains", CODEC_ITSELF))
    except CodecConfigError as error:
        raise CodecConfigError(f"{where}: {error}") from error
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise CodecConfigError(
            "; ".join(_explain(item, kind, data, where) for item in error.errors())
        ) from error


def _explain(item: object, kind: type[TrainConfig], data: dict[str, Any], where: str) -> str:
    assert isinstance(item, dict)
    place = [str(part) for part in item["loc"]]
    key = ".".join(_as_written(item["loc"], data)) or "the file"
    if item["type"] != "extra_forbidden":
        got = f" (got {item['input']!r})" if place else ""
        return f"{where}: {key}: {item['msg']}{got}"
    choices = _keys_at(place[:-1], kind)
    near = difflib.get_close_matches(place[-1], choices, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(choices)}"
    return f"{where}: unknown key {key}; {hint}"


def _as_written(place: Sequence[str | int], data: Any) -> Iterator[str]:
    """A place by the keys of the file: what a choice was taken for is no key of it."""
    for left, part in zip(range(len(place) - 1, -1, -1), place, strict=True):
        is_written = isinstance(data, list) or (isinstance(data, dict) and part in data)
        if is_written:
            data = data[part]
        if is_written or not left:
            yield str(part)


def _keys_at(place: Sequence[str], kind: type[BaseModel]) -> list[str]:
    """The keys of what lies at a place. A part of it that is no key says what a choice was taken for, or numbers the
    items of a list."""
    models = [kind]
    for name in place:
        fields = [model.model_fields[name] for model in models if name in model.model_fields]
        inner = [one for field in fields for one in _models_in(field.annotation)]
        models = inner or [model for model in models if _is_called(model, name)] or models
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _is_called(model: type[BaseModel], name: str) -> bool:
    """Whether a choice names this model so: by the one value that one of its fields has."""
    return any(get_args(field.annotation) == (name,) for field in model.model_fields.values())
