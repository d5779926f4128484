"""`tenfold ls ARCHIVE`: what is in an archive."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable
from typing import Annotated, Any, Final

import pyarrow as pa
import typer

from jobs.options import ArchiveUrl, AsOfVersion, ConfigFile, KeyGlob, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import json_text, readable, say
from jobs.terminal.streams import product_is_printed
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.payloads_once import Payload, unheld_payloads
from pipeline.archive.rows_by_column import rows_by_column
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.archive.sql_text import one_of
from pipeline.store.storage import Storage
from pipeline.types import Status
from pipeline.words import counted, in_units

_COLUMNS: Final = (
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
    "importance",
    "words",
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
    "same_as_row",
    "carried_length",
    "run",
)
_SORTABLE: Final = [field.name for field in CATALOGUE_SCHEMA if not pa.types.is_list(field.type)]


def _check_column(name: str | None) -> str | None:
    if name is not None and name not in _SORTABLE:
        raise typer.BadParameter(f"expected a column, got {name!r}; there are {', '.join(_SORTABLE)}")
    return name


def ls(
    archive: ArchiveUrl,
    *,
    glob: KeyGlob = None,
    status: Annotated[Status | None, typer.Option(help="Only images of this status.")] = None,
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Only kept files that are no sound images.")
    ] = False,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            callback=_check_column,
            help="Sort by a column of the catalogue, as psnr_db or source_size; images that have none of it come last. "
            "Default: by key. Without --limit all of them are held in memory.",
        ),
    ] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="With --sort: the greatest first.")] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N.")] = None,
    is_long: Annotated[
        bool, typer.Option("--long", help="A header and more columns: ratio, MS-SSIM, format, run.")
    ] = False,
    as_of: AsOfVersion = None,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array of objects.")] = False,
    as_json_lines: Annotated[
        bool, typer.Option("--json-lines", help="The same objects, one a line.")
    ] = False,
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

      tenfold ls archive/ --sort psnr_db --limit 20
    """
    if reverse and sort is None:
        raise typer.BadParameter("it goes with --sort", param_hint="--reverse")
    if as_json and as_json_lines:
        raise typer.BadParameter("choose one of --json and --json-lines", param_hint="--json-lines")
    with clear_errors():
        product_is_printed()
        catalogue = Catalogue(Storage(archive, read_config(config).storage), as_of=as_of)
        conditions = ["damaged"] if damaged else []
        if status is not None:
            conditions.append(one_of("status", [status]))
        where = " AND ".join(conditions) or None
        if sort is None:
            batches = catalogue.in_key_order(_COLUMNS, where=where, glob=glob)
        else:
            batches = rows_by_column(
                catalogue, _COLUMNS, by=sort, is_descending=reverse, most=limit, where=where, glob=glob
            )
        rows = itertools.islice((row for batch in batches for row in batch.to_pylist()), limit)
        if as_json:
            _print_array(rows)
        elif as_json_lines:
            sys.stdout.writelines(f"{json_text(row)}\n" for row in rows)
        else:
            _print_lines(rows, catalogue, is_long=is_long)


def _print_array(rows: Iterable[dict[str, Any]]) -> None:
    """Streamed: an archive may hold millions."""
    first = True
    for row in rows:
        sys.stdout.write("[\n " if first else ",\n ")
        sys.stdout.write(json_text(row))
        first = False
    sys.stdout.write("[]\n" if first else "\n]\n")


_HEADER: Final = (
    f"{'status':<8} {'size':>11} {'stored':>9} {'rate':>10} {'PSNR':>9} "
    f"{'file':>11} {'ratio':>8} {'MS-SSIM':>7} {'format':>6} {'run':>22}  key  (codec or reason)"
)


def _print_lines(rows: Iterable[dict[str, Any]], catalogue: Catalogue, *, is_long: bool) -> None:
    """A line each on stdout, and on stderr what they come to."""
    images = stored = shared = source = 0
    lent: dict[Payload, int] = {}
    if is_long:
        print(_HEADER)
    for row in rows:
        images += 1
        stored += row["payload_length"] or 0
        if row["same_as_row"] is not None:
            shared += row["payload_length"]
            lent[Payload(row["shard"], row["same_as_row"])] = row["payload_length"]
        source += row["source_size"] or 0
        more = _more(row) if is_long else ""
        print(f"{_line(row)}{more}  {readable(row['key'])}  ({readable(_words(row))})")
    sys.stdout.flush()
    if lent:
        shared -= sum(lent.get(payload, 0) for payload in unheld_payloads(catalogue))
    ratio = f", {source / stored:.1f}x" if stored else ""
    size, unit = in_units(shared)
    once = f", {size:.3g} {unit} of it written once for several images" if shared else ""
    say(
        f"{counted(images, 'image')}: {source / 1e6:,.1f} MB of files, {stored / 1e6:,.1f} MB stored{ratio}{once}."
    )


def _line(row: dict[str, Any]) -> str:
    size = f"{row['width']}x{row['height']}" if row["width"] is not None else "-"
    psnr = f"{row['psnr_db']:.2f} dB" if row["psnr_db"] is not None else ""
    rate = f"{row['bpp']:.3f} bpp" if row["bpp"] is not None else ""
    held = row["payload_length"] if row["payload_length"] is not None else ""
    return f"{row['status']:<8} {size:>11} {held:>9} {rate:>10} {psnr:>9}"


def _more(row: dict[str, Any]) -> str:
    size, held = row["source_size"], row["payload_length"]
    ratio = f"{size / held:.1f}x" if size is not None and held else ""
    ms_ssim = f"{row['ms_ssim']:.4f}" if row["ms_ssim"] is not None else ""
    size = "" if size is None else size
    return f" {size:>11} {ratio:>8} {ms_ssim:>7} {row['source_format'] or '':>6} {row['run']:>22}"


def _words(row: dict[str, Any]) -> str:
    words = row["reason"] or f"{row['codec']} q{row['quality']}"
    if row["effort"]:
        words += f" effort {row['effort']}"
    if row["importance"]:
        words += f" importance {row['importance']}"
    if row["words"]:
        words += f" words {row['words']}"
    if row["packing"]:
        words += f"; packed by {row['packing']}"
    if row["carried_length"]:
        words += f"; {row['carried_length']:,} bytes of other content carried"
    return str(words)
