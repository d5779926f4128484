"""`tenfold nightly`: keeps an archive up to date with its source, for cron."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from codec.registry import check_codec
from jobs.options import (
    OPTION_OF,
    Adapt,
    AsJson,
    DryRun,
    Effort,
    Importance,
    RayAddress,
    Words,
    Workers,
    usage,
)
from jobs.source_options import Exclude, Include, Inventory, Limit, Others, Sniff, Tars, source_options
from jobs.terminal.adaptation import tell_adapt_plan, tell_adaptation
from jobs.terminal.exit_codes import FAILED, FAILED_IMAGES, OK, TIME_UP, clear_errors, outcome_of
from jobs.terminal.output import print_json, say
from jobs.terminal.progress import show_progress
from jobs.terminal.run_plan import plan_json, tell_plan
from jobs.terminal.run_summary import tell_failed, tell_summary, tell_untold
from jobs.watched import watched
from jobs.webhook import check_webhook, tell_webhook
from pipeline.compress.delete_policy import parse_policy
from pipeline.compress.nightly import NightlyRun, NightlySummary
from pipeline.config import Compare, CompressConfig, NightlyConfig
from pipeline.config_file import load_config
from pipeline.source.parse import parse_source
from pipeline.words import counted


@watched
def nightly(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SRC", help="As for `compress`. Default: `source` of the config.", show_default=False
        ),
    ] = None,
    archive: Annotated[
        str | None,
        typer.Argument(metavar="ARCHIVE", help="Default: `archive` of the config.", show_default=False),
    ] = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="YAML as configs/nightly.yaml; options override it."),
    ] = None,
    compare: Annotated[
        Compare | None,
        typer.Option(
            help="How a changed image is known. fast (default): size, and etag or modification time. checksum: SHA-256 "
            "of every image that the archive knows, which reads them all."
        ),
    ] = None,
    deletes: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="Images that the source no longer lists. keep (default): stay. 'fail-if-over 5%': are dropped from "
            "the catalogue, unless they are more than that share of what the archive holds of this source; then "
            "none is, and the exit code is 1. drop: 'fail-if-over 50%'.",
        ),
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Begin no unit of work after these seconds; commit those under way, and exit 13 when work is left.",
        ),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="TENFOLD_WEBHOOK",
            show_envvar=True,
            help="POST the outcome there as JSON, however the run ends. No record of the run shows this URL.",
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
    as_json: AsJson = False,
) -> None:
    """Bring ARCHIVE up to date with SRC: what is new or changed comes in, what is gone is followed by policy.

    Only one runs at a time on an archive: another ends at once with exit code 11. A killed one leaves nothing behind
    that the next does not finish. Dropped images stay in the archive's past (`tenfold history`) until it is pruned.

    Exit codes: 0 up to date, 1 failed or refused to drop, 3 some images failed, 11 another one is under way, 13 the
    time was up.

    Examples:

      tenfold nightly --config configs/nightly.yaml

      tenfold nightly s3://bucket/photos s3://bucket/archive --deletes 'fail-if-over 5%' --max-seconds 21600
    """
    with clear_errors():
        given: dict[str, Any] = {
            "nightly": {
                "source": source,
                "archive": archive,
                "deletes": deletes,
                "max_seconds": max_seconds,
                "webhook": webhook,
            },
            "source": source_options(
                include=include,
                exclude=exclude,
                limit=limit,
                sniff=sniff,
                others=others,
                tars=tars,
                inventory=inventory,
            ),
            "compare": compare,
            "codec": {"effort": effort, "importance": importance, "words": words},
            "adapt": {"time": adapt} if adapt is not None else None,
            "workers": {"count": workers, "ray_address": ray_address},
        }
        settings = load_config(config, given, options=OPTION_OF)
        night = settings.nightly
        if night is None:  # cannot be: options are laid over it
            raise AssertionError(settings)
        with usage() if webhook is not None else nullcontext():
            if night.webhook is not None:
                check_webhook(night.webhook)
        with usage():
            if any(one is not None for one in (effort, importance, words)):
                check_codec(settings.codec.id, settings.codec.demands)
            _check_source(source, deletes, night, settings)
        if dry_run:
            _plan(night, settings, as_json=as_json)
        else:
            _run(night, settings, as_json=as_json)


def _check_source(
    source: str | None, deletes: str | None, night: NightlyConfig, settings: CompressConfig
) -> None:
    """See that what the command line says of them can be meant; each is None where it says nothing."""
    if deletes is not None:
        parse_policy(deletes)
    if source is not None:
        named = parse_source(source, settings.reading, take=settings.source, exclude=night.archive)
        if deletes is not None and not parse_policy(deletes).keeps:
            named.coverage()  # a source that cannot tell what is gone


def _run(night: NightlyConfig, settings: CompressConfig, *, as_json: bool) -> None:
    """Do it, tell it, and exit with what came of it."""
    try:
        with show_progress() as listen:
            summary = NightlyRun(night, settings).run(listen)
    except BaseException as error:
        message, code = outcome_of(error)
        _tell_webhook(night, f"error: {message}", code, None)
        raise
    code = _code(summary)
    if as_json:
        print_json(asdict(summary))
    else:
        _tell_work(summary, night.archive)
    _tell_trouble(summary, night.archive)
    _tell_webhook(night, _line(summary), code, summary)
    raise SystemExit(code)


def _plan(night: NightlyConfig, settings: CompressConfig, *, as_json: bool) -> None:
    with show_progress() as listen:
        plan = NightlyRun(night, settings).plan(listen)
    if as_json:
        print_json(
            {
                "dry_run": True,
                "plan": plan_json(plan.plan),
                "deletes": night.deletes,
                "dropped": plan.dropped,
                "refused": plan.refused,
                "adaptation": None if plan.adaptation is None else asdict(plan.adaptation),
            }
        )
    else:
        if plan.adaptation is not None:
            tell_adapt_plan(plan.adaptation)
        tell_plan(plan.plan, night.archive)
        if plan.dropped:
            print(f"Would drop from the catalogue: {counted(plan.dropped, 'image')}.")
    if plan.refused is not None:
        say(plan.refused, level="error")
        raise SystemExit(FAILED)


def _code(summary: NightlySummary) -> int:
    if summary.refused is not None:
        return FAILED
    if summary.stopped:
        return TIME_UP
    return FAILED_IMAGES if any(run.has_trouble for run in summary.runs) else OK


def _tell_work(summary: NightlySummary, archive: str) -> None:
    tell_adaptation(summary.adaptation)
    for run in summary.runs:
        tell_summary(run, archive)
    if summary.dropped:
        print(
            f"Dropped from the catalogue: {counted(summary.dropped, 'image')} that the source no longer lists."
        )


def _tell_trouble(summary: NightlySummary, archive: str) -> None:
    for run in summary.runs:
        tell_untold(run, archive)
        if run.has_trouble:
            tell_failed(run, archive)
    if summary.refused is not None:
        say(summary.refused, level="error")
    if summary.stopped:
        left = summary.runs[-1].left
        planned = f" with {counted(left, 'image')} planned and not begun" if left else ""
        say(f"The time was up{planned}; the next run goes on.")


def _line(summary: NightlySummary) -> str:
    runs = summary.runs
    words = [
        f"{sum(run.images for run in runs):,} new or changed",
        f"{runs[-1].unchanged:,} unchanged",
        f"{summary.failed:,} failed",
        f"{summary.damaged:,} damaged",
        f"{summary.dropped:,} dropped",
    ]
    if summary.stopped:
        words.append("stopped by the clock")
    return ", ".join(words) + (f". {summary.refused}" if summary.refused is not None else ".")


def _tell_webhook(night: NightlyConfig, text: str, code: int, summary: NightlySummary | None) -> None:
    if night.webhook is not None:
        words = f"tenfold nightly {night.archive}: {text}"
        tell_webhook(night.webhook, archive=night.archive, text=words, code=code, summary=summary)
