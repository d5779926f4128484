"""What is said on stderr, as JSON: one object a line, each with `time`, `level` and `event`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

Severity = Literal["info", "warning", "error"]


class JsonLines:
    """Writes objects to a stream."""

    def __init__(self, stream: TextIO) -> None:
        """Write nothing yet."""
        self._stream = stream

    def write(self, event: str, /, level: Severity = "info", **fields: Any) -> None:
        """One object: when (UTC), how grave, what, and all about it."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": now, "level": level, "event": event, **fields}, default=str)
        self._stream.write(line + "\n")
        self._stream.flush()


@contextmanager
def stderr_as_json() -> Iterator[JsonLines]:
    """Whatever else this process prints on stderr meanwhile becomes an object for each line, too."""
    lines = JsonLines(sys.stderr)
    with redirect_stderr(_Wrapped(lines)):
        yield lines


class _Wrapped(io.TextIOBase):
    """Text that somebody prints, line by line."""

    def __init__(self, lines: JsonLines) -> None:
        self._lines = lines
        self._begun = ""

    def write(self, text: str) -> int:
        *whole, self._begun = (self._begun + text).split("\n")
        for line in filter(str.strip, whole):
            self._lines.write("output", text=line)
        return len(text)
