"""`tenfold retry-failed ARCHIVE`: the images that failed, once more."""

from __future__ import annotations

from dataclasses import asdict
from typing import get_args

from jobs.options import ArchiveUrl, AsJson, ConfigFile, RayAddress, Workers, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.run_summary import exit_for, run_and_show
from jobs.watched import watched
from pipeline.compress.failed_batches import failed_batches
from pipeline.compress.run import CompressRun
from pipeline.store.storage import Storage
from pipeline.types import Status


@watched
def retry_failed(
    archive: ArchiveUrl,
    *,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Try the failed images of ARCHIVE again, from where they lay, into the same ARCHIVE.

    For after the cause is gone: a store that was down, files that were damaged and have been replaced, a worker that
    ran out of memory. Each is stored as the run was told in which it failed (codec, quality, --lossless, ...), unless
    --config says otherwise; where these were told otherwise, one run follows the other, and JSON has the last one, with
    the others as `earlier`. What fails again keeps its row, with the new reason, and the exit code is 3.

    Example:

      tenfold ls archive/ --status failed; tenfold retry-failed archive/
    """
    with clear_errors():
        settings = read_config(config, workers=workers, ray_address=ray_address)
        store = Storage(archive, settings.storage)
        batches = failed_batches(store, settings, as_then=config is None)
        if not batches:
            say(f"No image of {archive} is a failed one: nothing to try again.")
            if as_json:
                print_json({"run": None, "images": 0, **dict.fromkeys(get_args(Status), 0), "earlier": []})
            return
        runs = [CompressRun(batch.source, store, batch.config) for batch in batches]
        summaries = [run_and_show(run, archive, as_json=as_json) for run in runs]
        if as_json:
            *earlier, last = map(asdict, summaries)
            print_json({**last, "earlier": earlier})
        exit_for(summaries)
