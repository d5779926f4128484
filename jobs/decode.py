"""`tenfold decode ARCHIVE DST`: images back, in bulk."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from jobs.options import (
    ArchiveUrl,
    AsJson,
    AsOfVersion,
    ConfigFile,
    KeyGlob,
    RayAddress,
    Workers,
    read_config,
)
from jobs.terminal.exit_codes import FAILED_IMAGES, clear_errors
from jobs.terminal.output import first_of, print_json, say
from jobs.terminal.progress import show_progress
from pipeline.decode.plan import Existing
from pipeline.decode.run import GOES_ON, DecodeRun
from pipeline.errors import SourceError
from pipeline.image.write import Format
from pipeline.store.storage import Storage
from pipeline.store.urls import split_url
from pipeline.words import counted

_SHOWN_FAILURES = 10


def decode(
    archive: ArchiveUrl,
    dst: Annotated[
        str, typer.Argument(metavar="DST", help="Where the files go: a folder or any fsspec URL.")
    ],
    *,
    keys_file: Annotated[
        str | None, typer.Option("--keys-file", metavar="F", help="Only the keys in this file, one a line.")
    ] = None,
    glob: KeyGlob = None,
    fmt: Annotated[
        Format | None,
        typer.Option("--format", help="Default: png for coded images, the original file for kept ones."),
    ] = None,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Leave out images whose file is in DST, whatever it holds: a decode that was stopped goes on.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Write over files in DST that have the name of an image. A file from which the archive was made is "
            "never written over.",
        ),
    ] = False,
    as_of: AsOfVersion = None,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Decode the images of ARCHIVE into DST, with EXIF, ICC profile, XMP and alpha.

    A file is named by its key; where the format differs from the key's extension, the new one is appended
    (a.jpg becomes a.jpg.png), so that a.jpg and a.gif never meet. `..` and a leading `/` in keys are escaped:
    nothing is written outside DST. A name that DST cannot hold is shortened, and that is said.

    Where files of these names are in DST, nothing is written at all, unless --skip-existing or --overwrite says what
    becomes of them. Never into an archive, and never over an original, by whatever path DST is reached.
    """
    if skip_existing and overwrite:
        raise typer.BadParameter("files in DST either stay or are written over", param_hint="--overwrite")
    existing: Existing = "keep" if skip_existing else "replace" if overwrite else "refuse"
    with clear_errors(stopped=f"Stopped. {GOES_ON}"):
        settings = read_config(config, workers=workers, ray_address=ray_address)
        run = DecodeRun(
            Storage(archive, settings.storage),
            Storage(dst, settings.storage),
            settings,
            fmt=fmt,
            keys=_read_keys(keys_file) if keys_file else None,
            glob=glob,
            as_of=as_of,
            existing=existing,
        )
        with show_progress() as listen:
            summary = run.run(listen)
        if as_json:
            print_json(asdict(summary))
        else:
            print(
                f"{summary.written:,} of {counted(summary.images, 'image')} written to {dst}, "
                f"{summary.written_bytes / 1e6:.2f} MB, {summary.seconds:.1f} s."
            )
        if summary.existing:
            say(f"{counted(summary.existing, 'image', 'was', 'were')} there already (--skip-existing).")
        if summary.without_payload:
            say(
                f"{counted(summary.without_payload, 'image')} failed when compressed: there is nothing to decode."
            )
        for line in first_of([f"renamed: {one['key']}: {one['name']}" for one in summary.renamed]):
            say(line)
        for failure in summary.failures[:_SHOWN_FAILURES]:
            say(f"failed: {failure['key']}: {failure['reason']}")
        if summary.failed:
            raise SystemExit(FAILED_IMAGES)


def _read_keys(url: str) -> list[str]:
    root, path = split_url(url)
    try:
        text = Storage(root).read(path).decode("utf-8")
    except FileNotFoundError as error:
        raise SourceError(f"Expected a file of keys at {url}, got nothing there.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"Expected keys in UTF-8, one a line, in {url}, got other bytes.") from error
    keys = [line for line in text.split("\n") if line]
    if not keys:
        raise SourceError(f"Expected keys in {url}, one a line, got none.")
    return keys
