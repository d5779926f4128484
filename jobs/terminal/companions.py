"""What came of making previews or labels, as a person or a program reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobs.terminal.exit_codes import FAILED_IMAGES
from jobs.terminal.output import first_of, print_json, readable, say
from pipeline.companions.run import CompanionSummary
from pipeline.words import counted


def tell_companions(summary: CompanionSummary, archive: str, lines: Iterable[str], *, as_json: bool) -> None:
    """Print a summary: `lines` are what is particular to the verb.

    Raises:
        SystemExit: with FAILED_IMAGES, where a shard gives no images.
    """
    if as_json:
        print_json(summary.as_json())
    else:
        for line in _lines(summary, archive, lines):
            print(readable(line))
    for line in first_of([f"{one.shard}: {one.problem}" for one in summary.problems]):
        say(line)
    if summary.problems:
        raise SystemExit(FAILED_IMAGES)


def _lines(summary: CompanionSummary, archive: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{counted(summary.images, 'image')} in {archive}, version {summary.version}."
    yield from lines
