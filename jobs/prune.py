"""`tenfold prune ARCHIVE`: let go of what no kept version needs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from jobs.options import ArchiveUrl, AsJson, ConfigFile, parameter, read_config, usage
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.progress import show_progress
from jobs.watched import watched
from pipeline.prune.retention import DEFAULT_GRACE, Retention
from pipeline.prune.run import ObjectCounts, PruneRun, PruneSummary
from pipeline.store.storage import Storage
from pipeline.words import counted, duration_words, parse_duration

_GRACE = duration_words(DEFAULT_GRACE)
_read_span = parameter(parse_duration)


@watched
def prune(
    archive: ArchiveUrl,
    *,
    keep_versions: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Keep the newest N versions. Default: all.")
    ] = None,
    older_than: Annotated[
        Any,
        typer.Option(
            metavar="SPAN",
            parser=_read_span,
            help="Keep what --as-of could show that long ago, and since: 30d, 12h, 90m. With --keep-versions, a "
            "version goes only when both let it go.",
        ),
    ] = None,
    grace: Annotated[
        Any,
        typer.Option(
            metavar="SPAN",
            parser=_read_span,
            help="How long a thing is marked before it can be removed, 1h at least. Longer than any run or decode.",
        ),
    ] = _GRACE,
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Do it. Otherwise only say what would be done.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove from ARCHIVE what no kept version refers to: shards of replaced images, what killed runs left, old
    versions of the catalogue. Never anything that a kept version needs. Without --apply nothing is changed.

    Two phases: --apply marks what is not needed now, in prune/ below ARCHIVE; a later --apply removes what has been
    marked for --grace and is not needed still. So run it from time to time, each time with the same options. Runs may
    go on meanwhile. The newest version always stays; of a pruned version, `decode --as-of` says that it is gone.

    Without --keep-versions and --older-than all versions stay, and only what killed runs left goes.

    Example, every night:

      tenfold prune archive/ --older-than 30d --keep-versions 10 --apply
    """
    with clear_errors():
        with usage():
            retention = Retention(keep_versions=keep_versions, older_than=older_than, grace=grace)
        storage = Storage(archive, read_config(config).storage)
        with show_progress() as listen:
            run = PruneRun(storage, retention, listen=listen)
            summary = run.apply() if apply else run.plan()
        if as_json:
            print_json(asdict(summary))
        else:
            _tell(summary, duration_words(grace))


def _tell(summary: PruneSummary, grace: str) -> None:
    removed, marked = ("Removed", "Marked") if summary.applied else ("Would remove", "Would mark")
    kept = summary.newest_version - summary.kept_from + 1
    goes = summary.kept_from - summary.oldest_version
    print(
        f"Versions {summary.kept_from} to {summary.newest_version} stay ({kept:,}); "
        + (f"{summary.oldest_version} to {summary.kept_from - 1} go ({goes:,})." if goes else "none goes.")
    )
    print(_sentence(removed, summary.removed))
    if summary.readable_from > summary.oldest_version:
        print(f"The oldest version {'is now' if summary.applied else 'would be'} {summary.readable_from}.")
    for num_bytes, left in (
        (summary.abandoned_bytes, f"adaptations that were not gone on with for {grace}"),
        (summary.unfinished_bytes, f"files whose writer was killed more than {grace} ago"),
    ):
        if num_bytes:
            print(f"{removed} {num_bytes / 1e6:,.1f} MB of {left}.")
    print(_sentence(marked, summary.marked))
    if _count(summary.waiting):
        print(_sentence("Marked earlier, and not due yet:", summary.waiting))
    if summary.next_due is not None:
        print(f"The next --apply that removes something: from {summary.next_due} on (--grace {grace}).")
    if summary.unknown:
        names = ", ".join(summary.unknown_names[:3])
        say(f"Left alone: {counted(summary.unknown, 'object')} whose names Tenfold does not know ({names}).")
    if not summary.applied:
        say("Nothing was changed. --apply does it.")


def _sentence(verb: str, counts: ObjectCounts) -> str:
    if not _count(counts):
        return f"{verb} nothing."
    made_later = counts.albums + counts.labels
    companions = f", {counted(made_later, 'file')} of previews or labels" if made_later else ""
    return (
        f"{verb} {counted(counts.shards, 'shard')}, {counted(counts.catalogue_files, 'catalogue file')}, "
        f"{counted(counts.log_files, 'log file')}{companions}: {counts.bytes / 1e6:,.1f} MB."
    )


def _count(counts: ObjectCounts) -> int:
    return counts.shards + counts.catalogue_files + counts.log_files + counts.albums + counts.labels
