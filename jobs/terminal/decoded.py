"""What a person reads, or a program, after images have been decoded into files."""

from __future__ import annotations

from dataclasses import asdict

from jobs.terminal.exit_codes import FAILED_IMAGES
from jobs.terminal.output import print_json, say
from pipeline.decode.summary import DecodeSummary
from pipeline.words import counted

_SHOWN = 10


def tell_decoded(summary: DecodeSummary, dst: str, *, as_json: bool) -> None:
    """Tell what was written, and end with exit code 3 where images failed."""
    if as_json:
        print_json(asdict(summary))
    else:
        print(
            f"{summary.written:,} of {counted(summary.images, 'image')} written to {dst}, "
            f"{summary.written_bytes / 1e6:.2f} MB, {summary.seconds:.1f} s."
        )
    if summary.existing:
        say(f"{counted(summary.existing, 'image', 'was', 'were')} there already (--skip-existing).")
    if summary.without_payload:
        say(
            f"{counted(summary.without_payload, 'image')} failed when compressed: there is nothing to decode."
        )
    _tell([f"renamed: {one['key']}: {one['name']}" for one in summary.renamed])
    _tell([f"in another format: {one['key']}: {one['reason']}" for one in summary.in_other_format])
    _tell([f"failed: {one['key']}: {one['reason']}" for one in summary.failures])
    if summary.failed:
        raise SystemExit(FAILED_IMAGES)


def _tell(lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        say(line)
    if len(lines) > _SHOWN:
        say(f"... and {len(lines) - _SHOWN:,} more; decode --json lists all.")
