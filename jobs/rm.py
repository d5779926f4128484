"""`tenfold rm ARCHIVE KEY...`: take images out of an archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from jobs.keys_file import read_keys
from jobs.options import ArchiveUrl, AsJson, ConfigFile, KeyGlob, keys_of_files, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, readable, say
from pipeline.rm.run import RmRun, RmSummary
from pipeline.store.storage import Storage
from pipeline.words import counted


def rm(
    archive: ArchiveUrl,
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY]...", callback=keys_of_files, help="Images, by their keys.", show_default=False
        ),
    ] = None,
    *,
    glob: KeyGlob = None,
    keys_from: Annotated[
        str | None, typer.Option("--keys-from", metavar="F", help="Also the keys in this file, one a line.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Do it. Otherwise only say what would be done.")
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take images out of ARCHIVE. Without --apply nothing is changed.

    With it the images are in no row and no shard of the newest version, neither as they are nor as they were before
    they changed: the keys of all its shards are looked through, and images beside them move into new shards. Older
    versions show them still, and the old shards hold their bytes, until `tenfold prune` lets go of both: with
    --keep-versions 1 --apply, once to mark them and once more after the grace period. Then nothing of the pictures is
    left. Their keys stay in the records of runs (runs/), and what a codec learned from them stays in its weights.

    A source that still has the images brings them back with the next nightly or compress: remove them there too, or
    give those verbs --exclude.

    Examples:

      tenfold rm archive/ holiday/beach.jpg

      tenfold rm archive/ --glob 'users/4711/**' --apply

      tenfold prune archive/ --keep-versions 1 --apply
    """
    if not keys and glob is None and keys_from is None:
        raise typer.BadParameter("expected a KEY, --glob or --keys-from", param_hint="KEY")
    with clear_errors():
        named = [*(keys or ()), *(read_keys(keys_from) if keys_from else ())]
        run = RmRun(Storage(archive, read_config(config).storage), keys=named, glob=glob)
        summary = run.apply() if apply else run.plan()
        if as_json:
            print_json(asdict(summary))
            return
        for line in _lines(summary, archive):
            print(readable(line))
        if not apply:
            say("Nothing was changed. --apply does it.")


def _lines(summary: RmSummary, archive: str) -> Iterator[str]:
    for key in summary.first_keys:
        yield f"- {key}"
    if (more := summary.images - len(summary.first_keys)) > 0:
        yield f"  and {more:,} more"
    for key in summary.unknown:
        yield f"? {key}: not in the newest version"
    verb = "Took out" if summary.applied else "Would take out"
    yield f"{verb} {counted(summary.images, 'image')} of {summary.payload_bytes:,} bytes."
    if summary.rewritten_shards:
        moves = "moved" if summary.applied else "would move"
        yield (
            f"{counted(summary.moved_images, 'image')} beside them {moves} out of "
            f"{counted(summary.rewritten_shards, 'shard')} with something of them."
        )
    if not summary.images and not summary.rewritten_shards:
        yield "No shard of the newest version holds anything of them beside images that stay."
    if summary.applied and (summary.images or summary.rewritten_shards):
        yield (
            f"Versions {summary.oldest_version} to {summary.version - 1} show them still. Their bytes go with "
            f"`tenfold prune {archive} --keep-versions 1 --apply`: now, and once more after its --grace."
        )
        yield "Remove them from the source too, or --exclude them: the next run would bring them back."
