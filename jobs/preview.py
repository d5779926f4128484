"""`tenfold preview ARCHIVE`: small pictures for images that have none."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.options import ArchiveUrl, AsJson, ConfigFile, RayAddress, Workers, read_config
from jobs.terminal.companions import tell_companions
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.progress import show_progress
from jobs.watched import watched
from pipeline.companions.run import CompanionSummary
from pipeline.preview.run import preview_run
from pipeline.store.storage import Storage
from pipeline.words import counted, in_units


@watched
def preview(
    archive: ArchiveUrl,
    *,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make small pictures for the images of ARCHIVE that have none, so that many can be shown at once.

    Since previews are made while an image is encoded, these are the images of older archives, and those whose payload
    is too small for one: up to 256 pixels a side in about 5 kB, of which an archive of small photographs grows by a
    sixth or more. Images under 2 kB need none. They come into ARCHIVE/previews/, an object for each shard; shards and
    catalogue stay as they are.

    Kill it at any time: the same command goes on. Done again, it makes what is missing or damaged and nothing else. An
    image in which nothing can be seen does without; where a whole shard is damaged, the exit code is 3.

    Example:

      tenfold preview archive/
    """
    with clear_errors():
        settings = read_config(config, workers=workers, ray_address=ray_address)
        with show_progress() as listen:
            summary = preview_run(Storage(archive, settings.storage), settings).run(listen)
        tell_companions(summary, archive, _lines(summary), as_json=as_json)


def _lines(summary: CompanionSummary) -> Iterator[str]:
    if stored := summary.others["stored"]:
        yield f"{counted(stored, 'preview')} {'lie' if stored > 1 else 'lies'} in the shards."
    if small := summary.others["small"]:
        yield f"{counted(small, 'image')} so small that they need none."
    if summary.there:
        yield f"{counted(summary.there, 'preview')} {'lie' if summary.there > 1 else 'lies'} in albums."
    if summary.unseen:
        yield f"{counted(summary.unseen, 'image')} in which nothing can be seen."
    if summary.mended:
        yield f"{counted(summary.mended, 'damaged album')} of previews made again."
    if summary.made:
        size, unit = in_units(summary.num_bytes)
        yield f"{counted(summary.made, 'preview')} made, in {size:,.1f} {unit} of albums."
    elif not summary.problems:
        yield "None was to be made."
