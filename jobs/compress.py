"""`tenfold compress SRC ARCHIVE`: images in, archive out."""

from __future__ import annotations

from typing import Annotated

import typer

from codec.registry import check_codec
from jobs.options import (
    Adapt,
    ArchiveUrl,
    AsJson,
    ConfigFile,
    DryRun,
    Effort,
    Importance,
    RayAddress,
    Words,
    Workers,
    read_config,
    usage,
)
from jobs.source_options import (
    Exclude,
    Include,
    Inventory,
    Limit,
    Others,
    Sniff,
    SourceUrl,
    Tars,
    source_options,
)
from jobs.targets import Bpp, CodecName, Lossless, MinMsSsim, MinPsnr, Quality, Ratio
from jobs.terminal.adaptation import adapt_and_tell, adaptation_json
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.run_plan import plan_and_tell
from jobs.terminal.run_summary import run_and_tell
from jobs.watched import watched
from pipeline.compress.run import CompressRun
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage


@watched
def compress(
    src: SourceUrl,
    archive: ArchiveUrl,
    *,
    codec: CodecName = None,
    quality: Quality = None,
    ratio: Ratio = None,
    bpp: Bpp = None,
    min_psnr: MinPsnr = None,
    min_ms_ssim: MinMsSsim = None,
    lossless: Lossless = False,
    max_error: Annotated[
        float | None,
        typer.Option(
            metavar="E",
            help="Floating-point samples, and integers of 16 bits or more, may be off by so much (in their own units) "
            "in uncompressed files such as TIFF, which else come back byte for byte.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Encode with these weights (a path or URL, from `tenfold train`, or a preset of `tenfold codecs`) "
            "instead of those that the archive has learned, or else the codec's own; `shipped` for the codec's own in "
            "any case. The archive keeps a copy, so that it decodes without FILE.",
        ),
    ] = None,
    effort: Effort = None,
    importance: Importance = None,
    words: Words = None,
    adapt: Adapt = None,
    include: Include = None,
    exclude: Exclude = None,
    sniff: Sniff = None,
    others: Others = None,
    tars: Tars = None,
    limit: Limit = None,
    inventory: Inventory = None,
    dry_run: DryRun = False,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compress the images of SRC into ARCHIVE.

    Run it again on the same SRC and ARCHIVE: only what is new or changed is encoded. Kill it at any time: the same
    command finishes the work. What the codec does not model, or cannot make smaller, is kept as its original bytes;
    so is a damaged file. A file that cannot be read becomes a row with a reason. With damaged or unread files, and when
    a folder of SRC cannot be listed or a tar ends early, the rest is archived, those are named, and the exit code is 3.

    Examples:

      tenfold compress photos/ archive/

      tenfold compress s3://bucket/photos s3://bucket/archive --ratio 100 --min-psnr 28 --workers 8

      tenfold compress scans/ archive/ --adapt 10m

      tenfold compress portraits/ archive/ --importance 'maps/{stem}.png'

      tenfold compress phone/ archive/ --others keep --exclude '**/.trash/'

      tenfold compress photos/ archive/ --limit 100 --dry-run
    """
    with clear_errors():
        settings = read_config(
            config,
            codec={
                "id": codec,
                "quality": quality,
                "effort": effort,
                "importance": importance,
                "words": words,
                "ratio": ratio,
                "bpp": bpp,
                "min_psnr_db": min_psnr,
                "min_ms_ssim": min_ms_ssim,
                "weights": weights,
            },
            source=source_options(
                include=include,
                exclude=exclude,
                limit=limit,
                sniff=sniff,
                others=others,
                tars=tars,
                inventory=inventory,
            ),
            exactness={"lossless": lossless or None, "max_error": max_error},
            adapt={"time": adapt},
            workers=workers,
            ray_address=ray_address,
        )
        with usage():
            source = parse_source(src, settings.reading, take=settings.source, exclude=archive)
            if any(one is not None for one in (codec, effort, importance, words)):
                check_codec(settings.codec.id, settings.codec.demands)
        store = Storage(archive, settings.storage)
        if dry_run:
            plan_and_tell(source, store, settings, archive, as_json=as_json)
        else:
            learned = adapt_and_tell(source, store, settings, as_json=as_json)
            run = CompressRun(source, store, settings)
            run_and_tell(run, archive, as_json=as_json, more={"adaptation": adaptation_json(learned)})
