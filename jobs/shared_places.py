"""Whether what a verb is told means the same on another machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from codec.contract import DEFAULT_CODEC
from codec.registry import presets
from pipeline.config import SHIPPED_WEIGHTS
from pipeline.config_file import load_config
from pipeline.errors import UsageError
from pipeline.store.urls import scheme

_PLACES: Final = ("SRC", "ARCHIVE", "ARCHIVE2", "DST", "DIR", "F", "FILE")
"""How the help calls what a parameter names a place with."""


def check_places(command: click.Command, given: dict[str, Any]) -> None:
    """Refuse places that only the folder this command runs in gives a meaning.

    Args:
        command: the verb.
        given: the values of its parameters; that of `config`, a file of this machine, is read.
    Raises:
        UsageError: a relative path.
        ConfigError: the configuration file is wrong.
    """
    for name, place in _places(command, given):
        path = place.removeprefix("@")
        if not scheme(path) and not Path(path).is_absolute():
            raise UsageError(
                f"Expected a URL, or an absolute path on storage that every node of the cluster sees, got {place!r} "
                f"for {name}: a job runs in another folder. If all nodes see it, give {Path(path).absolute()}."
            )


def _places(command: click.Command, given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    codec = given.get("codec")
    if given.get("config") is not None:
        said = {name: given.get(name) for name in ("source", "archive")} if command.name == "nightly" else {}
        settings = load_config(Path(given["config"]), {"nightly": said} if said else {})
        codec = codec or settings.codec.id
        if settings.nightly is not None and said:
            yield "nightly.source", settings.nightly.source
            yield "nightly.archive", settings.nightly.archive
        if settings.codec.weights is not None and not _ships(codec, settings.codec.weights):
            yield "codec.weights", settings.codec.weights
    for parameter in command.params:
        place = given.get(parameter.name or "")
        if parameter.metavar not in _PLACES or parameter.name == "config" or place is None:
            continue
        if parameter.name != "weights" or not _ships(codec or DEFAULT_CODEC, str(place)):
            yield parameter.metavar, str(place)


def _ships(codec: str, weights: str) -> bool:
    """Whether weights are no place, but come with a codec wherever it is installed."""
    return weights == SHIPPED_WEIGHTS or weights in presets(codec)
