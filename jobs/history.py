"""`tenfold history ARCHIVE`: the versions of an archive."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from jobs.options import ArchiveUrl, ConfigFile, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.streams import product_is_printed
from pipeline.archive.catalogue import Catalogue
from pipeline.store.storage import Storage


def history(
    archive: ArchiveUrl,
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="Only the newest N; 0 for all.")] = 20,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array, the newest first.")] = False,
) -> None:
    """List the versions of ARCHIVE, the newest first: when, by which run, and how many images came, changed, went.

    Every commit of a run makes a version. Images that `rm` and `repair` move into other shards as they are do not count
    as changed; versions that earlier releases made say otherwise. `decode`, `get`, `ls` and `report` show the archive
    as it was with --as-of VERSION.
    """
    with clear_errors():
        product_is_printed()
        catalogue = Catalogue(Storage(archive, read_config(config).storage))
        shown = catalogue.versions(limit or None)
        if as_json:
            print_json([{**asdict(v), "committed_at": v.committed_at.isoformat()} for v in shown])
            return
        print(f"{'version':>7} {'added':>9} {'changed':>9} {'removed':>9}  {'committed (UTC)':<19}  by")
        for v in shown:
            print(
                f"{v.version:>7} {v.added:>9,} {v.changed:>9,} {v.removed:>9,}  {v.committed_at:%Y-%m-%d %H:%M:%S}"
                f"  {v.run or v.operation.lower()}"
            )
        older = catalogue.count_versions() - len(shown)
        if older:
            say(f"{older:,} older versions: --limit 0 lists all.")
