"""The short form of the report, at the end of every verb that encodes and of `tenfold report`."""

from __future__ import annotations

from typing import Protocol

from rich.table import Table

from jobs.console import stdout
from pipeline.report import Sizes, comparison, verdict


class Outcome(Sizes, Protocol):
    """Sizes, and how well the coded images decode."""

    @property
    def coded_bpp(self) -> float | None: ...
    @property
    def psnr_db(self) -> float | None: ...
    @property
    def ms_ssim(self) -> float | None: ...


def print_comparison(outcome: Outcome) -> None:
    """A table from raw pixels to this archive, the quality, and one sentence."""
    table = Table(show_edge=False)
    table.add_column("")
    for heading in ("bytes", "against raw", "against files"):
        table.add_column(heading, justify="right")
    for row in comparison(outcome):
        table.add_row(row.what, f"{row.num_bytes:,}", _ratio(row.ratio_vs_raw), _ratio(row.ratio_vs_source))
    stdout.print(table)
    if outcome.psnr_db is not None and outcome.coded_bpp is not None:
        ms_ssim = f", MS-SSIM {outcome.ms_ssim:.4f}" if outcome.ms_ssim is not None else ""
        print(
            f"Coded images decode at {outcome.psnr_db:.2f} dB PSNR{ms_ssim} on average, {outcome.coded_bpp:.3f} bpp."
        )
    print(verdict(outcome))


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"
