"""The config of a run from a YAML file, under what the command line says. Errors name what was written there."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.config import CompressConfig
from pipeline.errors import ConfigError, UsageError


def load_config(
    path: Path | None, overrides: Mapping[str, Any], *, options: Mapping[str, str] = MappingProxyType({})
) -> CompressConfig:
    """Read a YAML file (or start from the defaults) and lay `overrides` over it.

    Args:
        path: YAML of CompressConfig's shape, or None.
        overrides: nested mapping of the same shape; None values are not given.
        options: what the command line calls a key, as `{"codec.quality": "--quality"}`: for messages.
    Raises:
        ConfigError: file missing, not YAML, unknown key, or a value out of range.
        UsageError: an override is wrong, or one is missing and no file was given.
    """
    loaded: Any = {}
    if path is not None:
        try:
            loaded = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except OSError as error:
            raise ConfigError(f"Expected a YAML file at {path}, got: {error.strerror}.") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"Expected YAML in {path}, got something else: {error}") from error
        if not isinstance(loaded, dict):
            raise ConfigError(f"Expected sections like `codec:` in {path}, got {type(loaded).__name__}.")
    merged = _overlay(loaded, overrides)
    try:
        return CompressConfig.model_validate(merged)
    except ValidationError as error:
        wrong = [problem["loc"] for problem in error.errors()]
        if path is None or any(_is_given(overrides, location) for location in wrong):
            raise UsageError("On the command line: " + "; ".join(_explain(error, options))) from error
        raise ConfigError(f"In {path}: " + "; ".join(_explain(error, {}))) from error


def _is_given(overrides: Mapping[str, Any], location: Sequence[int | str]) -> bool:
    """Whether an override says something at, or below, a place."""
    given: Any = overrides
    for part in location:
        if not isinstance(given, Mapping):
            break
        given = given.get(str(part))
    if isinstance(given, Mapping):
        return any(value is not None for value in given.values())
    return given is not None


def _overlay(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in overrides.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            below = merged.get(name)
            merged[name] = _overlay(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged


def _explain(error: ValidationError, options: Mapping[str, str]) -> list[str]:
    lines = []
    for problem in error.errors():
        at = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            choices = _choices(problem["loc"][:-1])
            near = difflib.get_close_matches(str(problem["loc"][-1]), choices, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(sorted(choices))}"
            lines.append(f"unknown key `{at}`; {hint}")
        else:
            message = problem["msg"].removeprefix("Value error, ").replace("Input should be ", "expected ", 1)
            lines.append(f"`{options.get(at, at) or 'config'}`: {message}" + _got(problem.get("input")))
    return lines


def _got(value: object) -> str:
    return "" if isinstance(value, Mapping) or value is None else f", got {value!r}"


def _choices(location: tuple[int | str, ...]) -> list[str]:
    model: Any = CompressConfig
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        candidates = (annotation, *getattr(annotation, "__args__", ()))
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return list(model.model_fields)
