"""`tenfold report ARCHIVE --out DIR`: what was gained, and over what."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from jobs.console import clear_errors, print_json, say, stdout
from jobs.options import ArchiveUrl, AsJson, AsOfVersion, ConfigFile, read_config
from pipeline.catalogue import Catalogue
from pipeline.report import Report, comparison, make_report, report_json, report_markdown, verdict
from pipeline.storage import Storage


def report(
    archive: ArchiveUrl,
    *,
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Where report.json and report.md go; any fsspec URL.")
    ],
    as_of: AsOfVersion = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare ARCHIVE with zip and with its source files: ratio, bpp, PSNR, MS-SSIM, and where it is worst.

    Writes DIR/report.json and DIR/report.md and prints a table. Only the catalogue is read.
    """
    with clear_errors():
        storage = read_config(config).storage
        store = Storage(archive, storage)
        made = make_report(Catalogue(store, as_of=as_of), url=store.url)
        plain = report_json(made)
        folder = Storage(out, storage)
        folder.write("report.json", (json.dumps(plain, indent=2, ensure_ascii=False) + "\n").encode())
        folder.write("report.md", report_markdown(made).encode())
        if as_json:
            print_json(plain)
        else:
            _print_table(made)
        say(f"Written: {folder.url}/report.json and {folder.url}/report.md")


def _print_table(made: Report) -> None:
    totals = made.totals
    stdout.print(
        f"{totals.images:,} images: {totals.coded:,} coded, {totals.kept:,} kept, {totals.failed:,} failed"
    )
    table = Table(show_edge=False)
    table.add_column("")
    for heading in ("bytes", "against raw", "against files"):
        table.add_column(heading, justify="right")
    for what, held, raw, source in comparison(totals):
        table.add_row(what, f"{held:,}", _ratio(raw), _ratio(source))
    stdout.print(table)
    if totals.psnr_db is not None and totals.coded_bpp is not None:
        ms_ssim = f", MS-SSIM {totals.ms_ssim:.4f}" if totals.ms_ssim is not None else ""
        stdout.print(f"Coded images: {totals.coded_bpp:.3f} bpp, {totals.psnr_db:.2f} dB PSNR{ms_ssim}")
    stdout.print(verdict(totals))


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"
