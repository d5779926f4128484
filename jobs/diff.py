"""`tenfold diff ARCHIVE A B`: what came, changed and went between two versions."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

import typer

from jobs.options import ArchiveUrl, ConfigFile, VersionArgument, read_config, read_version
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import json_text, readable, say
from jobs.terminal.streams import product_is_printed
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.versions import Change
from pipeline.store.storage import Storage

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def diff(
    archive: ArchiveUrl,
    older: VersionArgument,
    newer: Annotated[
        Any,
        typer.Argument(
            metavar="[VERSION]", parser=read_version, help="The newer one; by default the archive as it is."
        ),
    ] = None,
    *,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array of objects.")] = False,
) -> None:
    """List the images that two versions of ARCHIVE hold differently, sorted by key: + added, - removed, ~ changed.

    A version is a number that `tenfold history` lists, or a time (UTC): the newest version then.

    Example:

      tenfold diff archive/ 2026-11-20 2026-11-21
    """
    with clear_errors():
        product_is_printed()
        storage = Storage(archive, read_config(config).storage)
        before, after = (Catalogue(storage, as_of=version) for version in (older, newer))
        counts: Counter[str] = Counter()
        for number, change in enumerate(after.changes_since(before)):
            counts[change.change] += 1
            if as_json:
                sys.stdout.write(("[\n " if number == 0 else ",\n ") + json_text(asdict(change)))
            else:
                print(f"{_SIGNS[change.change]} {readable(change.key)}{_words(change)}")
        if as_json:
            sys.stdout.write("\n]\n" if counts else "[]\n")
        counted_kinds = ", ".join(f"{counts[kind]:,} {kind}" for kind in _SIGNS)
        say(f"Version {before.version()} to {after.version()}: {counted_kinds}.")


def _words(change: Change) -> str:
    before, after = _held(change.before), _held(change.after)
    if before and after:
        return f"  ({before} -> {after})"
    return f"  ({before or after})"


def _held(facts: dict[str, Any] | None) -> str:
    """What a version holds of an image, in a few words."""
    if facts is None:
        return ""
    if facts["status"] == "failed":
        return f"failed: {facts['reason']}"
    quality = f" q{facts['quality']}" if facts["quality"] is not None else ""
    decibels = f" {facts['psnr_db']:.2f} dB" if facts["psnr_db"] is not None else ""
    return f"{facts['status']}{quality} {facts['payload_length']:,} bytes{decibels}"
