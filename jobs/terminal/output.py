"""What a person reads: messages on stderr, results on stdout."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from jobs.terminal.json_lines import Severity
from jobs.terminal.watch import current_watch

_SHOWN = 50
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
stderr = Console(stderr=True, highlight=False)
stdout = Console(highlight=False)


def print_json(value: Any) -> None:
    """One JSON document, the last thing on stdout."""
    sys.stdout.write(json_text(value, indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()


def json_text(value: Any, *, indent: int | None = None, allow_nan: bool = True) -> str:
    """JSON in characters that stdout knows."""
    knows_all = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    return json.dumps(value, indent=indent, ensure_ascii=not knows_all, allow_nan=allow_nan)


def first_of(lines: Sequence[str]) -> Iterator[str]:
    """As many lines as a person reads, and how many more there are."""
    yield from lines[:_SHOWN]
    if len(lines) > _SHOWN:
        yield f"... and {len(lines) - _SHOWN:,} more; --json lists all."


def readable(text: str) -> str:
    """Keys and reasons as a terminal may see them: control characters, which could drive it, as escapes."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def say(text: str, *, level: Severity = "info") -> None:
    """One message for a person, on stderr; for a machine, where this process speaks JSON."""
    speaks = current_watch().json_lines
    if speaks is not None:
        speaks.write("message", level, text=text)
        return
    if level == "error":
        stderr.print("[bold red]error:[/]", end=" ")
    lines = "\n".join(map(readable, text.split("\n")))
    stderr.print(lines, markup=False, soft_wrap=True)
