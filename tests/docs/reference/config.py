"""docs/reference/config.md, from the pydantic models that read the YAML files."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from codec.registry import codec_ids, config_type
from codec.training.config import TrainConfig
from pipeline.config import CompressConfig
from tests.docs.reference.docstrings import inherited_below_names, one_line
from tests.docs.reference.tables import page, table

_LIMITS: Final = {
    "ge": "at least {:g}",
    "gt": "above {:g}",
    "le": "at most {:g}",
    "lt": "below {:g}",
    "multiple_of": "a multiple of {:g}",
}
_TYPE_WORDS: Final = {str: "text", int: "integer", float: "number", bool: "true or false"}


def config_page() -> str:
    """The text of config.md."""
    lines = ["## Runs: `--config FILE`", "", one_line(CompressConfig.__doc__ or ""), ""]
    lines += _keys(CompressConfig)
    defaults = yaml.safe_dump(CompressConfig().model_dump(), sort_keys=False)
    lines += [
        "The same as a file, every key with its default:",
        "",
        "```yaml",
        *defaults.splitlines(),
        "```",
        "",
    ]
    lines += [
        "## Training: `tenfold train --config FILE`",
        "",
        "What every family takes:",
        "",
        *_keys(TrainConfig),
    ]
    for family in sorted(codec_ids()):
        kind = config_type(family)
        own = [name for name in kind.__annotations__ if name in kind.model_fields and name != "family"]
        lines += [f"`family: {family}` has these of its own:", "", *_keys(kind, only=own)]
    return page(
        "Configuration",
        "A config is a YAML file. Every key may be left out; a key that does not exist is an error that names the "
        "nearest one. Options of the command line override the file. No key holds a secret: credentials come from the "
        "usual AWS variables, a profile or the machine's role.",
        lines,
    )


def undescribed(model: type[BaseModel]) -> list[str]:
    """Keys of a config that have no docstring below them, and whose section has none."""
    return [key for key, _, _, words in _rows(model, "") if not words]


def _keys(model: type[BaseModel], *, only: list[str] | None = None) -> list[str]:
    rows = list(_rows(model, "", only))
    return [*table(("key", "takes", "default", "what it says"), rows), ""]


def _rows(
    model: type[BaseModel], prefix: str, only: list[str] | None = None
) -> Iterator[tuple[str, str, str, str]]:
    words = inherited_below_names(model)
    for name, field in model.model_fields.items():
        if only is not None and name not in only:
            continue
        below = _model_of(field)
        meaning = words.get(name) or (one_line(below.__doc__ or "") if below else "")
        yield f"`{prefix}{name}`", "a section" if below else _takes(field), _default(field, below), meaning
        if below is not None and not _seen_before(model, name, below):
            yield from _rows(below, f"{prefix}{name}.")


def _seen_before(model: type[BaseModel], name: str, below: type[BaseModel]) -> bool:
    """Whether an earlier key of the model takes the same section."""
    for other, field in model.model_fields.items():
        if other == name:
            return False
        if _model_of(field) is below:
            return True
    return False


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a section."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _takes(field: FieldInfo) -> str:
    """Type and limits in words."""
    kinds = _kinds(field.annotation)
    limits = [
        words.format(getattr(limit, name))
        for limit in field.metadata
        for name, words in _LIMITS.items()
        if getattr(limit, name, None) is not None
    ]
    return ", ".join([" or ".join(kinds), *limits])


def _kinds(annotation: Any) -> list[str]:
    if get_origin(annotation) in (Union, types.UnionType):
        return [word for kind in get_args(annotation) for word in _kinds(kind)]
    if get_origin(annotation) is Literal:
        return [f"`{choice}`" for choice in get_args(annotation)]
    if get_origin(annotation) is Annotated:
        return _kinds(get_args(annotation)[0])
    if annotation is type(None):
        return ["null"]
    if get_origin(annotation) in (list, tuple):
        return ["a list of " + re.sub(r"s?$", "s", _kinds(get_args(annotation)[0])[0])]
    return [_TYPE_WORDS.get(annotation, "text")]


def _default(field: FieldInfo, below: type[BaseModel] | None) -> str:
    if field.is_required():
        return "required"
    if below is not None:
        return "" if field.default is not None else "null"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"`{list(value) if isinstance(value, tuple) else value}`"
