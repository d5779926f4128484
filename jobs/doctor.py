"""`tenfold doctor URL`: can this store and this machine be trusted with an archive?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from jobs.options import AsJson, ConfigFile, RayAddress, read_config
from jobs.terminal.exit_codes import FAILED, UNSAFE_STORE, clear_errors
from jobs.terminal.output import print_json
from pipeline.doctor import Check, examine

_SIGNS = {"ok": "ok    ", "warn": "LOOK  ", "fail": "FAILED", "unsafe": "UNSAFE"}


def doctor(
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="An archive, or where one is to be: a folder or any fsspec URL."),
    ],
    *,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Try everything a run needs, before the first one: reads, writes, deletes, create-only writes and commits by many
    writers at once, clock, Ray, GPU, and the codec on a picture.

    What is tried lies in a folder of its own below URL and is removed again. Exits 0 when all is well, 12 when the
    store would let two writers overwrite each other, 1 when something else failed.

    Example:

      tenfold doctor s3://bucket/archive --ray-address auto
    """
    with clear_errors():
        checks: list[Check] = []
        for check in examine(url, read_config(config, ray_address=ray_address)):
            checks.append(check)
            if not as_json:
                print(f"{_SIGNS[check.status]} {check.name}: {check.words}", flush=True)
        if as_json:
            print_json({"url": url, "checks": [asdict(check) for check in checks]})
        found = {check.status for check in checks}
        if "unsafe" in found:
            raise SystemExit(UNSAFE_STORE)
        if "fail" in found:
            raise SystemExit(FAILED)
