"""`tenfold retry-failed ARCHIVE`: the images that failed, once more."""

from __future__ import annotations

from typing import get_args

from jobs.options import ArchiveUrl, AsJson, ConfigFile, RayAddress, Workers, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.run_summary import run_and_tell
from jobs.watched import watched
from pipeline.compress.archived_images import failed_images, newest_failed_run
from pipeline.compress.run import CompressRun
from pipeline.compress.run_record import recorded_config
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
    ran out of memory. Codec and quality are those of the last run in which one of them failed, unless --config says
    otherwise. What fails again keeps its row, with the new reason, and the exit code is 3.

    Example:

      tenfold ls archive/ --status failed; tenfold retry-failed archive/
    """
    with clear_errors():
        settings = read_config(config, workers=workers, ray_address=ray_address)
        store = Storage(archive, settings.storage)
        run = newest_failed_run(store)
        if run is None:
            say(f"No image of {archive} is a failed one: nothing to try again.")
            if as_json:
                print_json({"run": None, "images": 0, **dict.fromkeys(get_args(Status), 0)})
            return
        if config is None:
            then = recorded_config(store, run)
            settings = settings.model_copy(
                update={
                    "codec": then.codec,
                    "shard": then.shard,
                    "limits": then.limits,
                    "source": then.source,
                }
            )
        keeps_others = settings.source.others == "keep" and not settings.source.sniff
        source = failed_images(store, settings.reading, keeps_others=keeps_others)
        run_and_tell(CompressRun(source, store, settings), archive, as_json=as_json)
