"""`tenfold ls ARCHIVE`: what is in an archive."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from jobs.options import ArchiveUrl, AsOfVersion, ConfigFile, KeyGlob, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import json_text, readable
from jobs.terminal.streams import product_is_printed
from pipeline.archive.catalogue import Catalogue
from pipeline.globs import key_matcher
from pipeline.store.storage import Storage
from pipeline.types import Status

_COLUMNS = (
    "key",
    "status",
    "damaged",
    "packing",
    "max_error",
    "reason",
    "lost_shard",
    "codec",
    "weights",
    "quality",
    "effort",
    "width",
    "height",
    "mode",
    "bpp",
    "psnr_db",
    "ms_ssim",
    "source_size",
    "source_format",
    "source_url",
    "shard",
    "payload_offset",
    "payload_length",
    "carried_length",
    "run",
)


def ls(
    archive: ArchiveUrl,
    *,
    glob: KeyGlob = None,
    status: Annotated[Status | None, typer.Option(help="Only images of this status.")] = None,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Only kept files that are no sound images.")
    ] = False,
    as_of: AsOfVersion = None,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array of objects.")] = False,
) -> None:
    """List the images of ARCHIVE: status, size, rate, quality, and the reason where one was kept or failed.

    A line each, sorted by key: the status, width x height, the bytes that are stored, bits per pixel, PSNR, the key,
    and in brackets the codec and its quality, or the reason. A coded image comes back near what it was; a lossless one
    with all its pixels; a kept one as its original file; of a failed one there is only the reason. --json has more
    columns.

    Examples:

      tenfold ls archive/

      tenfold ls archive/ --status failed

      tenfold ls archive/ --glob 'holiday/*.jpg' --json
    """
    with clear_errors():
        product_is_printed()
        catalogue = Catalogue(Storage(archive, read_config(config).storage), as_of=as_of)
        matches = key_matcher(glob) if glob is not None else None
        rows = (
            row
            for batch in catalogue.scan(list(_COLUMNS), order=["key"])
            for row in batch.to_pylist()
            if (matches is None or matches(row["key"]))
            and status in (None, row["status"])
            and (row["damaged"] or not damaged)
        )
        if as_json:
            _print_array(rows)
        else:
            _print_lines(rows)


def _print_array(rows: Any) -> None:
    """Streamed: an archive may hold millions."""
    first = True
    for row in rows:
        sys.stdout.write("[\n " if first else ",\n ")
        sys.stdout.write(json_text(row))
        first = False
    sys.stdout.write("[]\n" if first else "\n]\n")


def _print_lines(rows: Any) -> None:
    for row in rows:
        size = f"{row['width']}x{row['height']}" if row["width"] is not None else "-"
        psnr = f"{row['psnr_db']:.2f} dB" if row["psnr_db"] is not None else ""
        rate = f"{row['bpp']:.3f} bpp" if row["bpp"] is not None else ""
        held = row["payload_length"] if row["payload_length"] is not None else ""
        words = row["reason"] or f"{row['codec']} q{row['quality']}"
        if row["effort"]:
            words += f" effort {row['effort']}"
        if row["packing"]:
            words += f"; packed by {row['packing']}"
        if row["carried_length"]:
            words += f"; {row['carried_length']:,} bytes of other content carried"
        print(
            f"{row['status']:<8} {size:>11} {held:>9} {rate:>10} {psnr:>9}  {readable(row['key'])}  ({readable(words)})"
        )
