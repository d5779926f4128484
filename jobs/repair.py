"""`tenfold repair ARCHIVE`: what can be brought back is; what cannot is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from jobs.options import ArchiveUrl, AsJson, ConfigFile, RayAddress, Workers, read_config
from jobs.terminal.exit_codes import FAILED, FAILED_IMAGES, clear_errors
from jobs.terminal.output import first_of, print_json, readable, say
from jobs.terminal.progress import show_progress
from jobs.watched import watched
from pipeline.repair.run import RepairRun
from pipeline.repair.summary import Rebuilt, RepairSummary
from pipeline.store.storage import Storage
from pipeline.words import counted


@watched
def repair(
    archive: ArchiveUrl,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Find and tell everything, and change not one byte.")
    ] = False,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring ARCHIVE back to what `tenfold verify` calls sound, and say what is gone.

    A lost catalogue is made again from the shards. What is whole in a damaged shard moves into a new one; the rest is
    encoded again where its source file still is the one that was archived, at the quality it had. What cannot come
    back becomes a failed image whose reason begins with `lost:` and whose column `lost_shard` names the shard it was
    in, and the exit code is 3; put that shard back from a copy, and a repair takes the image from it.

    Damaged shards stay where they are, and a catalogue that is replaced is copied to ARCHIVE/lost/ first. Kill it at
    any time: the same command finishes the work. Let no run write to ARCHIVE meanwhile.

    The codec section of --config, if it has one, replaces the codec and quality that the lost images had. With
    --dry-run the exit code is what the repair's would be: 0 all is well or would come back, 3 images would be lost, 1
    something would stay wrong.

    Example:

      tenfold verify archive/ || tenfold repair archive/ --dry-run

      tenfold repair archive/ && tenfold verify archive/ --level decode
    """
    with clear_errors():
        settings = read_config(config, workers=workers, ray_address=ray_address)
        run = RepairRun(Storage(archive, settings.storage), settings, dry_run=dry_run)
        with show_progress() as listen:
            summary = run.run(listen)
        if as_json:
            print_json(asdict(summary))
        else:
            for line in _done(summary, archive):
                print(readable(line))
        for line in _gone(summary, archive):
            say(line)
        if summary.problems:
            raise SystemExit(FAILED)
        if summary.lost or (summary.rebuilt and summary.rebuilt.unknown):
            raise SystemExit(FAILED_IMAGES)


def _done(summary: RepairSummary, archive: str) -> Iterator[str]:
    """On stdout: what was wrong, and what was done about it."""
    if not summary.changed and not summary.problems:
        yield f"{archive} is sound: nothing to repair."
        return
    would = "would be " if summary.dry_run else ""
    if summary.rebuilt is not None:
        yield from _rebuilt(summary.rebuilt, would)
    for path in summary.mended:
        yield f"{path}: damaged; {would}put aside, and put back from this release or done without."
    for path in summary.albums:
        yield f"{path}: damaged; {would}removed. `tenfold preview` makes it again."
    for path in summary.labels:
        yield f"{path}: damaged; {would}removed. `tenfold label` makes it again."
    for path in summary.put_back:
        yield f"{path}: missing; {would}put back from this release."
    if summary.unlearned:
        yield (
            f"Weights that the archive had learned are lost ({', '.join(summary.unlearned)}): new images "
            f"{would or 'are '}encoded with the shipped ones again."
        )
    yield from first_of([problem.line for problem in summary.damaged])
    if summary.salvaged:
        yield f"{counted(summary.salvaged, 'image')}, whole in damaged shards, {would}moved into new ones as they were."
    if summary.corrected:
        yield f"{counted(summary.corrected, 'row')} of the catalogue {would}set to what their shards say."
    if summary.encoded_again:
        yield f"{counted(summary.encoded_again, 'image')} {would}encoded again from the source."
    if summary.returned:
        yield f"{counted(summary.returned, 'lost image')} {would}taken from shards that are there again."
    if summary.put_aside is not None:
        yield f"What was replaced lies in {archive.rstrip('/')}/{summary.put_aside}/."
    if summary.dry_run:
        yield "Nothing was changed (--dry-run)."
    elif not summary.problems:
        yield f"{archive} is sound again, version {summary.version}."


def _rebuilt(rebuilt: Rebuilt, would: str) -> Iterator[str]:
    yield f"The catalogue is lost: {rebuilt.why.rstrip('.')}."
    yield (
        f"It {would or 'was '}rebuilt from {counted(rebuilt.shards, 'shard')}: {counted(rebuilt.images, 'image')}. Its "
        "past versions are gone (history and --as-of begin anew), and images that nightly runs dropped may be back."
    )


def _gone(summary: RepairSummary, archive: str) -> Iterator[str]:
    """On stderr, with --json too: what did not come back, and what is still wrong."""
    if summary.rebuilt is not None and summary.rebuilt.unreadable:
        yield from first_of([problem.line for problem in summary.rebuilt.unreadable])
    if summary.rebuilt is not None and summary.rebuilt.unknown:
        yield (
            f"{len(summary.rebuilt.unknown):,} of these shards are in no catalogue any more: images that only they "
            "held are GONE, and nothing tells their names. `tenfold compress` of the same source takes them in again."
        )
    yield from first_of([f"{image.key}: {image.reason}" for image in summary.lost])
    if summary.lost:
        verbs = ("would be", "would be") if summary.dry_run else ("is", "are")
        lists = "" if summary.dry_run else f"; `tenfold ls {archive} --status failed` says why"
        yield f"{counted(len(summary.lost), 'image', *verbs)} LOST{lists}."
    for path in summary.damaged_records:
        yield f"{path}: the record of what that run was told is damaged. No image is; it is not repaired."
    yield from first_of([problem.line for problem in summary.problems])
    if any(problem.path.startswith("catalogue/") for problem in summary.problems):
        yield (
            "Older versions need these files: time travel to them is lost, and the newest version is not affected. "
            f"`tenfold prune {archive} --keep-versions N` forgets them."
        )
