"""`tenfold adapt SRC ARCHIVE`: a codec learns from the images of a source."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from codec.registry import family_of
from jobs.options import AdaptTime, ArchiveUrl, AsJson, ConfigFile, RayAddress, Workers, read_config, usage
from jobs.source_options import Exclude, Include, Limit, Others, Sniff, SourceUrl, Tars, source_options
from jobs.terminal.adaptation import adaptation_json, tell_adapt_plan, tell_adaptation
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json
from jobs.terminal.progress import show_progress
from jobs.watched import watched
from pipeline.adapt.run import AdaptRun
from pipeline.config import AdaptConfig
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage


@watched
def adapt(
    src: SourceUrl,
    archive: ArchiveUrl,
    *,
    time: AdaptTime = None,
    codec: Annotated[
        str | None, typer.Option(metavar="ID", help="The codec that learns. Default: hyper-1.")
    ] = None,
    include: Include = None,
    exclude: Exclude = None,
    sniff: Sniff = None,
    others: Others = None,
    tars: Tars = None,
    limit: Limit = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be read and done. Writes nothing.")
    ] = False,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let the codec learn from the images of SRC, for what ARCHIVE encodes from then on.

    A sample is read; from most of it the codec learns, by the rest it is judged, on real bytes. Only what is better
    there at every quality, costs included, is taken: else ARCHIVE stays as it was, and it is said why. What is in
    ARCHIVE stays as it is either way. On a cluster one worker learns, on its GPU where it has one.

    Kill it at any time: the same command goes on. Run it again when SRC has changed: it begins with what ARCHIVE has
    learned before, and is held against that.

    Examples:

      tenfold adapt scans/ archive/

      tenfold adapt s3://bucket/scans s3://bucket/archive --time 30m --ray-address auto
    """
    with clear_errors():
        settings = read_config(
            config,
            codec={"id": codec},
            source=source_options(
                include=include, exclude=exclude, limit=limit, sniff=sniff, others=others, tars=tars
            ),
            adapt={"time": time},
            workers=workers,
            ray_address=ray_address,
        )
        with usage():
            source = parse_source(src, settings.reading, take=settings.source, exclude=archive)
            if codec is not None:
                family_of(codec)
        adapt_config = settings.adapt or AdaptConfig(time="10m")
        with usage():
            run = AdaptRun(source, Storage(archive, settings.storage), settings, adapt_config)
        if dry_run:
            _plan(run, as_json=as_json)
        else:
            _run(run, as_json=as_json)


def _plan(run: AdaptRun, *, as_json: bool) -> None:
    with show_progress() as listen:
        plan = run.plan(listen)
    if as_json:
        print_json({"dry_run": True, **asdict(plan)})
    else:
        tell_adapt_plan(plan)


def _run(run: AdaptRun, *, as_json: bool) -> None:
    with show_progress() as listen:
        outcome = run.run(listen)
    if as_json:
        print_json(adaptation_json(outcome))
    else:
        tell_adaptation(outcome)
