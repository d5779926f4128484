"""The short form of the report, at the end of every verb that encodes and of `tenfold report`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, Protocol

from rich.table import Table

from jobs.terminal.exit_codes import FAILED_IMAGES
from jobs.terminal.listing import listing_lines, tell_unlisted
from jobs.terminal.output import print_json, readable, say, stdout
from jobs.terminal.progress import show_progress
from pipeline.compress.run import CompressRun
from pipeline.compress.summary import RunSummary
from pipeline.report import Sizes, size_rows, tiers, verdict
from pipeline.totals import LOW_PSNR_DB
from pipeline.words import counted


class Outcome(Sizes, Protocol):
    """Sizes, and how well the coded images decode."""

    @property
    def coded_bpp(self) -> float | None: ...
    @property
    def psnr_db(self) -> float | None: ...
    @property
    def ms_ssim(self) -> float | None: ...


def print_comparison(outcome: Outcome) -> None:
    """A table from raw pixels to this archive, the quality, and what was gained in words."""
    table = Table(show_edge=False)
    table.add_column("")
    for heading in ("bytes", "against your files", "against raw"):
        table.add_column(heading, justify="right")
    for row in size_rows(outcome):
        table.add_row(row.what, f"{row.num_bytes:,}", _ratio(row.ratio_vs_source), _ratio(row.ratio_vs_raw))
    stdout.print(table)
    if outcome.psnr_db is not None and outcome.coded_bpp is not None:
        ms_ssim = f", MS-SSIM {outcome.ms_ssim:.4f}" if outcome.ms_ssim is not None else ""
        print(
            f"Coded images decode at {outcome.psnr_db:.2f} dB PSNR{ms_ssim} on average, {outcome.coded_bpp:.3f} bpp."
        )
    print(verdict(outcome))


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"


_SHOWN = 10


def run_and_tell(
    run: CompressRun, archive: str, *, as_json: bool, more: Mapping[str, Any] | None = None
) -> None:
    """Do a run, and end the process with its own exit code when images failed.

    Args:
        more: what the JSON has beside the summary.
    """
    summary = run_and_show(run, archive, as_json=as_json)
    if as_json:
        print_json({**asdict(summary), **(more or {})})
    exit_for([summary])


def run_and_show(run: CompressRun, archive: str, *, as_json: bool) -> RunSummary:
    """Do a run, and tell what came of it; with `as_json` only what is to be told on stderr."""
    with show_progress() as listen:
        summary = run.run(listen).summary
    if not as_json:
        tell_summary(summary, archive)
    tell_untold(summary, archive)
    if summary.has_trouble:
        tell_failed(summary, archive)
    return summary


def exit_for(summaries: Iterable[RunSummary]) -> None:
    """End the process with its own exit code when images failed."""
    if any(summary.has_trouble for summary in summaries):
        raise SystemExit(FAILED_IMAGES)


def tell_summary(summary: RunSummary, archive: str) -> None:
    """On stdout: what was done, what it gained (the short form of the report), what the archive takes."""
    if not summary.images and summary.stopped:
        print(
            f"The time was up before anything new was begun: {counted(summary.unchanged, 'image')} seen unchanged."
        )
        return
    if not summary.images and not summary.superseded:
        listed = "that were listed" if summary.listing.limited else "of the source"
        print(f"Nothing new: all {counted(summary.unchanged, 'image')} {listed} were seen before.")
        _print_left_out(summary, archive)
        return
    seen = f", {summary.unchanged:,} unchanged" if summary.unchanged else ""
    held_back = f", {len(summary.held_back):,} held back" if summary.held_back else ""
    print(f"{counted(summary.images, 'image')}: {tiers(_as_stored(summary))}{held_back}{seen}.")
    _print_left_out(summary, archive)
    if summary.payload_bytes:
        print_comparison(summary)
    if summary.worst is not None:
        print(_worst_words(summary.low_psnr, summary.worst))
    if summary.target_met is not None:
        print(_target_words(summary))
    weights = summary.weights_bytes
    share = f", of it {_mb(weights)} the codec's weights, stored once" if weights else ""
    print(
        f"{summary.seconds:.1f} s, {summary.megapixels_per_second:.2f} MP/s. The archive now takes "
        f"{_mb(summary.archive_bytes)}{share}: {archive}"
    )


def _as_stored(summary: RunSummary) -> RunSummary:
    """Without the images that were held back: no row of this run has them."""
    damaged = sum(held["damaged"] for held in summary.held_back)
    failed = len(summary.held_back) - damaged
    return replace(summary, damaged=summary.damaged - damaged, failed=summary.failed - failed)


def _worst_words(low: int, worst: dict[str, Any]) -> str:
    """How many images to look at, and which one first."""
    return (
        f"{counted(low, 'coded image')} under {LOW_PSNR_DB:g} dB; the worst is {readable(worst['key'])} at "
        f"{worst['psnr_db']:.2f} dB."
    )


def _print_left_out(summary: RunSummary, archive: str) -> None:
    """What of source and archive this run did not look at, or replaced, so that nobody takes it for stored."""
    if summary.displacing:
        print(
            f"Took the place of images from another source, under the same keys: "
            f"{counted(summary.displacing, 'image')}. Older versions still have those (`tenfold history {archive}`); "
            "sources whose names collide belong in archives of their own."
        )
        for one in summary.displaced:
            print(f"  {readable(one['key'])} was of {readable(one['source_url'])}")
    if summary.superseded:
        print(
            f"Stored by another run in the meantime, which counts: {counted(summary.superseded, 'image')}. What this "
            "run made of them is in no row; `tenfold prune` removes it."
        )
    if summary.failed_before:
        print(
            f"Failed in earlier runs, and not tried again: {counted(summary.failed_before, 'image')}. "
            f"`tenfold ls {archive} --status failed` says why, `tenfold retry-failed {archive}` tries."
        )
    for line in listing_lines(summary.listing):
        print(line)


def tell_untold(summary: RunSummary, archive: str) -> None:
    """On stderr: how many images had no importance map or no words to follow, if they were to."""
    if summary.unmapped:
        say(
            f"{counted(summary.unmapped, 'image')} without an importance map, or with a broken one, encoded as usual; "
            f"`tenfold ls {archive}` says which, and why."
        )
    if summary.wordless:
        say(
            f"{counted(summary.wordless, 'image')} without a text, or with a broken one, encoded as without words; "
            f"`tenfold ls {archive}` says which, and why."
        )


def tell_failed(summary: RunSummary, archive: str) -> None:
    """On stderr: what could not be listed; that images failed or are damaged, and where the reasons are."""
    tell_unlisted(summary.listing)
    for held in summary.held_back[:_SHOWN]:
        say(f"its archived version stays: {readable(held['key'])}: {held['reason']}")
    if summary.held_back:
        say(
            f"{counted(len(summary.held_back), 'image')} held back, being damaged or unread in the source: the archive "
            "has what it had."
        )
    stored = _as_stored(summary)
    if stored.damaged:
        say(
            f"{counted(stored.damaged, 'file')} damaged, stored as found; "
            f"`tenfold ls {archive} --damaged` says what is wrong."
        )
    if stored.failed:
        say(f"{counted(stored.failed, 'image')} failed; `tenfold ls {archive} --status failed` says why.")


def _target_words(summary: RunSummary) -> str:
    """Target and reached in the words of the option that was given; why, when they are apart."""
    target, reached = summary.target_bpp or 0.0, summary.reached_bpp or 0.0
    words = (
        f"Target ratio {24 / target:g}x, reached {24 / reached:.{1 if 24 / reached >= 10 else 2}f}x "
        f"({reached:.4f} of {target:.4f} bpp, coded images)"
    )
    if summary.target_met:
        return f"{words}."
    if reached > target:
        return f"{words}: not met. Quality 0 takes more on these images, or a floor asks for more."
    return f"{words}: not met. Even quality 63 takes less on these images."


def _mb(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
