"""docs/reference/cli.md, from the functions behind the verbs and what they tell Typer."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin

import typer
from typer.models import ArgumentInfo, OptionInfo
from typer.utils import get_params_from_function

from jobs.main import VERBS, load_verb
from jobs.terminal import exit_codes
from tests.docs.reference.docstrings import as_markdown, below_names
from tests.docs.reference.tables import page, table

_TYPE_WORDS: Final = {str: "TEXT", int: "N", float: "X", Path: "FILE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One command, as it is typed."""

    name: str
    """`compress`, or `bench rd`."""
    function: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument or option of a verb."""

    names: str
    """`SRC`, or `--workers N`."""
    positional: bool
    required: bool
    default: str
    words: str
    """Its help, and what it takes."""


def verbs() -> Iterator[Verb]:
    """Every verb of the command line, in the order of `tenfold --help`."""
    for name in VERBS:
        verb = load_verb(name)
        if isinstance(verb, typer.Typer):
            yield from _verbs_of(verb, f"{name} ")
        else:
            yield Verb(name=name, function=verb)


def _verbs_of(group: typer.Typer, prefix: str) -> Iterator[Verb]:
    for command in group.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        yield Verb(name=prefix + name, function=command.callback)


def parameters(function: Callable[..., Any]) -> list[Parameter]:
    """The arguments and options of a verb, in the order of its help."""
    return [
        _parameter(name, parameter.annotation, parameter.default)
        for name, parameter in get_params_from_function(function).items()
        if parameter.annotation is not typer.Context
    ]


def _parameter(name: str, kind: Any, info: ArgumentInfo | OptionInfo) -> Parameter:
    positional = isinstance(info, ArgumentInfo)
    choices = _choices(kind)
    takes = (
        "" if _bare(kind) is bool else info.metavar or ("|".join(choices) if choices else _type_word(kind))
    )
    words = [info.help or ""]
    limits = [f"at least {info.min:g}"] if info.min is not None else []
    limits += [f"at most {info.max:g}"] if info.max is not None else []
    if limits:
        words.append(f"({', '.join(limits)})")
    if info.envvar:
        words.append(f"Environment: `{info.envvar}`.")
    if positional:
        names = f"`{info.metavar or name.upper()}`"
    else:
        flags = info.param_decls or (f"--{name.replace('_', '-')}",)
        names = ", ".join(f"`{flag}`" for flag in flags) + (f" `{takes}`" if takes else "")
    required = info.default is ...
    shown = "" if required or info.default in (None, False, "") else f"`{info.default}`"
    return Parameter(
        names=names,
        positional=positional,
        required=required,
        default=shown,
        words=" ".join(word for word in words if word),
    )


def _bare(kind: Any) -> Any:
    """A type without its `| None`."""
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    return kind


def _choices(kind: Any) -> tuple[str, ...]:
    kind = _bare(kind)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _type_word(kind: Any) -> str:
    return _TYPE_WORDS.get(_bare(kind), "TEXT")


def exit_code_rows() -> list[tuple[str, str, str]]:
    """Number, name and meaning of every exit code, ascending."""
    words = below_names(exit_codes)
    codes = [
        (value, name)
        for name, value in vars(exit_codes).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int)
    ]
    return [(f"`{value}`", f"`{name}`", words[name]) for value, name in sorted(codes)]


def command_line_page() -> str:
    """The text of cli.md."""
    every = list(verbs())
    lines = [
        f"- [`tenfold {verb.name}`](#tenfold-{verb.name.replace(' ', '-')}): {first_sentence(verb)}"
        for verb in every
    ]
    for verb in every:
        lines += ["", *_section(verb)]
    lines += ["", "## Exit codes", "", *table(("code", "name", "when"), exit_code_rows())]
    return page(
        "Command line",
        "Every verb takes `-h` and `--help`; `tenfold --version` prints the version. [config.md](config.md) has the "
        "keys of `--config` files. SRC, ARCHIVE and other places are folders or URLs: `s3://`, and any other scheme "
        "whose [fsspec](https://filesystem-spec.readthedocs.io) filesystem is installed (`gs://`: `gcsfs`, `az://`: "
        "`adlfs`).",
        lines,
    )


def first_sentence(verb: Verb) -> str:
    """What a verb does, as its docstring begins."""
    text = " ".join(as_markdown(verb.function.__doc__)[0].split())
    return text.split(". ")[0].rstrip(".") + "."


def _section(verb: Verb) -> list[str]:
    every = parameters(verb.function)
    usage = " ".join(
        one.names.strip("`") if one.required else f"[{one.names.strip('`')}]"
        for one in every
        if one.positional
    )
    must = " ".join(
        one.names.replace("`", "").split(", ")[0] for one in every if one.required and not one.positional
    )
    typed = " ".join(word for word in ("tenfold", verb.name, "[OPTIONS]", must, usage) if word)
    if verb.name == "submit":
        typed += " VERB ..."
    rows = [(one.names, "required" if one.required else one.default, one.words) for one in every]
    return [
        f"## tenfold {verb.name}",
        "",
        f"    {typed}",
        "",
        *as_markdown(verb.function.__doc__),
        *table(("argument or option", "default", "what it says"), rows),
    ]
