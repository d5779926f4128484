"""How this process is watched: the form in which it tells what it does, and who listens beside the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Literal

from jobs.terminal.json_lines import JsonLines, stderr_as_json
from pipeline.events import Listener
from pipeline.progress import Follower, Progress

Style = Literal["auto", "rich", "plain", "json", "none"]
"""`auto` is `rich` on a terminal, and `plain` elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What holds for the verb at work."""

    style: Style = "auto"
    json_lines: JsonLines | None = None
    """Where objects go instead of words, with the style `json`."""
    listeners: tuple[Listener, ...] = ()
    """Each hears every event of the verb."""
    follower: Follower = field(default_factory=Follower)
    """Hears them before the others."""

    @property
    def progress(self) -> Progress:
        """How far the verb is."""
        return self.follower.progress


_watch = Watch()


def current_watch() -> Watch:
    """How the verb at work is watched."""
    return _watch


@contextmanager
def watch(style: Style, *listeners: Listener) -> Iterator[None]:
    """Watch this process so until the end."""
    global _watch
    before = _watch
    with ExitStack() as stack:
        lines = stack.enter_context(stderr_as_json()) if style == "json" else None
        _watch = Watch(style=style, json_lines=lines, listeners=listeners)
        try:
            yield
        finally:
            _watch = before
