"""`tenfold plan SRC [ARCHIVE]`: what to expect, before anything is written."""

from __future__ import annotations

from typing import Annotated

import typer

from codec.cpus import usable_cpus
from codec.registry import check_codec
from jobs.options import AsJson, ConfigFile, Importance, Words, read_config, usage
from jobs.source_options import Exclude, Include, Limit, Others, Sniff, SourceUrl, Tars, source_options
from jobs.targets import Bpp, CodecName, Lossless, MinMsSsim, MinPsnr, Quality, Ratio
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json
from jobs.terminal.progress import show_progress
from jobs.terminal.source_plan import source_plan_json, tell_source_plan
from jobs.watched import watched
from pipeline.plan.run import PlanRun
from pipeline.report import S3_USD_PER_GB_MONTH
from pipeline.sampling import Sampling
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage


@watched
def plan(
    src: SourceUrl,
    archive: Annotated[
        str | None,
        typer.Argument(
            metavar="[ARCHIVE]",
            help="Where the images would go. Then what is new to it is told, and expectations are of that alone.",
            show_default=False,
        ),
    ] = None,
    *,
    sample: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Images to encode, drawn by chance from all of SRC: about a second of one core a megapixel. 0: none, "
            "and nothing is said of what to expect.",
        ),
    ] = 200,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Draw other images.")] = 0,
    cores: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Say how long so many cores (or GPUs, where this machine has one) like those of this machine would "
            "take. Default: as many as there are here.",
            show_default=False,
        ),
    ] = None,
    price: Annotated[
        float,
        typer.Option(metavar="USD", min=0, help="Of a GB (10^9 bytes) a month; S3 Standard's list price."),
    ] = S3_USD_PER_GB_MONTH,
    codec: CodecName = None,
    quality: Quality = None,
    ratio: Ratio = None,
    bpp: Bpp = None,
    min_psnr: MinPsnr = None,
    min_ms_ssim: MinMsSsim = None,
    lossless: Lossless = False,
    importance: Importance = None,
    words: Words = None,
    include: Include = None,
    exclude: Exclude = None,
    sniff: Sniff = None,
    others: Others = None,
    tars: Tars = None,
    limit: Limit = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what compressing SRC would give and take, before anything is written.

    The listing tells what SRC is made of. A sample of its images is really encoded, checked and measured here, as
    `tenfold compress` would with the same options; what follows for the rest is an estimate, and stands with the
    interval in which 95 of 100 such samples would put it: bytes against the files and against zip, quality, how much is
    coded and how much kept, hours of a core like this machine's, and the cost of storage a month.

    Another --seed draws other images: where the answers differ much, draw more.

    Examples:

      tenfold plan photos/

      tenfold plan s3://bucket/photos s3://bucket/archive --ratio 60 --cores 64

      tenfold plan photos/ --sample 0
    """
    with clear_errors():
        settings = read_config(
            config,
            codec={
                "id": codec,
                "quality": quality,
                "ratio": ratio,
                "bpp": bpp,
                "min_psnr_db": min_psnr,
                "min_ms_ssim": min_ms_ssim,
                "importance": importance,
                "words": words,
            },
            source=source_options(
                include=include, exclude=exclude, limit=limit, sniff=sniff, others=others, tars=tars
            ),
            exactness={"lossless": lossless or None},
        )
        with usage():
            source = parse_source(src, settings.reading, take=settings.source, exclude=archive)
            if any(one is not None for one in (codec, importance, words)):
                check_codec(settings.codec.id, settings.codec.demands)
        store = None if archive is None else Storage(archive, settings.storage)
        with show_progress() as listen:
            found = PlanRun(source, store, settings, Sampling(count=sample, seed=seed)).run(listen)
        cores = cores or usable_cpus()
        if as_json:
            print_json(source_plan_json(found, cores=cores, price=price, seed=seed))
        else:
            tell_source_plan(found, src, cores=cores, price=price, seed=seed)
