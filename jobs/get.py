"""`tenfold get ARCHIVE KEY -o FILE`: one image back."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from jobs.options import ArchiveUrl, AsOfVersion, ConfigFile, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import say
from pipeline.decode.archive import Archive
from pipeline.decode.deliver import Delivery
from pipeline.decode.save import save_file
from pipeline.errors import ConfigError, StorageError
from pipeline.image.write import FORMATS, Format, format_of_path
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, scheme, split_url


def get(
    archive: ArchiveUrl,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The image's key, as `tenfold ls` prints it.")],
    *,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where to write; `-` for stdout.")
    ],
    fmt: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Default: what FILE's name says, else png (kept images: as they were)."
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Write over FILE if it is there. A file from which the archive was made is never written over.",
        ),
    ] = False,
    as_of: AsOfVersion = None,
    config: ConfigFile = None,
) -> None:
    """Write the image KEY of ARCHIVE to FILE, with its EXIF, ICC profile, XMP and alpha.

    Only that image's payload is read: one range request once the catalogue is known.
    """
    with clear_errors():
        wanted = fmt or _format_of(output)
        options = read_config(config).storage
        delivered = Archive(archive, options=options, as_of=as_of).file(key, wanted)
        if output == "-":
            sys.stdout.buffer.write(delivered.data)
            return
        _check_extension(output, delivered)
        path = Path(output)
        if scheme(output) == "" and path.exists() and not path.is_file():
            _write_into(path, delivered.data)
        else:
            root, name = split_url(
                output if scheme(output) not in LOCAL else os.path.realpath(local_path(output))
            )
            folder, _, name = name.rpartition("/")
            save_file(
                Storage(archive, options),
                Storage(f"{root.rstrip('/')}/{folder}", options),
                name,
                delivered.data,
                overwrite=overwrite,
            )
        say(f"{output}: {delivered.description}, {len(delivered.data)} bytes")


def _format_of(output: str) -> Format | None:
    """The format that FILE's name asks for; any other name takes the image as it comes."""
    return None if output == "-" else format_of_path(output)


def _check_extension(output: str, delivered: Delivery) -> None:
    name = PurePosixPath(output)
    if delivered.fmt is None or not name.suffix or format_of_path(output) == delivered.fmt:
        return
    ours = FORMATS[delivered.fmt][0]
    known = ", ".join(extension for names in FORMATS.values() for extension in names)
    raise ConfigError(
        f"Expected a FILE named {ours} for {delivered.description}, got {name.name!r}. "
        f"Name it {name.stem}{ours}, choose another of {known}, or say --format."
    )


def _write_into(path: Path, data: bytes) -> None:
    """To a pipe or a device; a folder refuses."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(
            f"Expected to write {path}, got: {error.strerror}. Choose another place with -o."
        ) from error
