"""What a person reads, or a program, after images have been decoded into files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from jobs.terminal.exit_codes import FAILED_IMAGES, OK, TIME_UP
from jobs.terminal.output import print_json, say
from pipeline.decode.summary import DecodeSummary
from pipeline.words import counted

_SHOWN = 10


def tell_decoded(summary: DecodeSummary, dst: str, *, as_json: bool) -> None:
    """Tell what was written, and what was not."""
    if as_json:
        print_json(asdict(summary))
    else:
        print(line_of(summary, dst))
    if summary.existing:
        say(f"{counted(summary.existing, 'image', 'was', 'were')} there already (--skip-existing).")
    if summary.without_payload:
        say(
            f"{counted(summary.without_payload, 'image')} failed when compressed: there is nothing to decode."
        )
    _tell([f"renamed: {one['key']}: {one['name']}" for one in summary.renamed])
    _tell([f"in another format: {one['key']}: {one['reason']}" for one in summary.in_other_format])
    _tell([f"failed: {one['key']}: {one['reason']}" for one in summary.failures])
    if summary.left:
        say(f"The time was up with {counted(summary.left, 'image')} left; the same command goes on.")
    if summary.late:
        say(f"{counted(summary.late, 'image', 'was', 'were')} there only after the deadline.")
    if summary.record is not None and summary.failed:
        say(f"Once more for those that failed: --requests {summary.record}/failed.parquet")


def code_of(summary: DecodeSummary) -> int:
    """The exit code."""
    if summary.left:
        return TIME_UP
    return FAILED_IMAGES if summary.failed else OK


def line_of(summary: DecodeSummary, dst: str) -> str:
    """What came of it, in one line."""
    packs = f" in {counted(summary.packs, 'pack')}" if summary.packs else ""
    return (
        f"{summary.written:,} of {counted(summary.images, 'image')} written to {dst}{packs}, "
        f"{summary.written_bytes / 1e6:.2f} MB, {summary.seconds:.1f} s."
    )


def tell_answer(name: str, answer: dict[str, Any]) -> None:
    """Tell how a list of requests was answered."""
    words = answer.get("error") or f"{answer['written']:,} written, {answer['failed']:,} failed"
    say(f"{name}: {words}")


def _tell(lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        say(line)
    if len(lines) > _SHOWN:
        say(f"... and {len(lines) - _SHOWN:,} more; decode --json lists all.")
