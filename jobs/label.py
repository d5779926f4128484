"""`tenfold label ARCHIVE`: labels and embeddings for its images, read from their payloads."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.options import ArchiveUrl, AsJson, ConfigFile, RayAddress, Workers, read_config
from jobs.terminal.companions import tell_companions
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.progress import show_progress
from jobs.watched import watched
from pipeline.companions.run import CompanionSummary
from pipeline.label.run import label_run
from pipeline.store.storage import Storage
from pipeline.words import counted, in_units


@watched
def label(
    archive: ArchiveUrl,
    *,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Label the coded images of ARCHIVE, without decoding them, so that they can be searched.

    Five labels of ImageNet with how sure a small network is of each, and an embedding: about 450 bytes an image, in
    ARCHIVE/labels/, a Parquet file for each shard; shards and catalogue stay as they are. They are guesses at small,
    blurred pictures made of the first latents: two of five first labels are those that the originals would get.

    Kill it at any time: the same command goes on. Done again, as every night after `tenfold nightly`, it looks at new
    images and nothing else.

    Example:

      tenfold label archive/
    """
    with clear_errors():
        settings = read_config(config, workers=workers, ray_address=ray_address)
        with show_progress() as listen:
            summary = label_run(Storage(archive, settings.storage), settings).run(listen)
        tell_companions(summary, archive, _lines(summary), as_json=as_json)


def _lines(summary: CompanionSummary) -> Iterator[str]:
    if without_latents := summary.others["without_latents"]:
        yield f"{counted(without_latents, 'image')} not coded, and so without latents to read."
    if summary.unseen:
        yield f"{counted(summary.unseen, 'image')} of codecs or weights that nothing here reads labels from."
    if summary.there:
        yield f"{counted(summary.there, 'image')} that had labels."
    if summary.mended:
        yield f"{counted(summary.mended, 'damaged file')} of labels made again."
    if summary.made:
        size, unit = in_units(summary.num_bytes)
        yield f"{counted(summary.made, 'image')} labelled, in {size:,.1f} {unit}."
