"""`tenfold get ARCHIVE KEY -o FILE`: one image back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.options import ArchiveUrl, AsOfVersion, ConfigFile, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import say
from pipeline.decode.archive import Archive
from pipeline.decode.deliver import Delivery
from pipeline.errors import ConfigError, StorageError
from pipeline.image.write import FORMATS, Format, format_of_path
from pipeline.store.local_store import LocalStore


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
    as_of: AsOfVersion = None,
    config: ConfigFile = None,
) -> None:
    """Write the image KEY of ARCHIVE to FILE, with its EXIF, ICC profile, XMP and alpha.

    Only that image's payload is read: one range request once the catalogue is known.
    """
    with clear_errors():
        wanted = fmt or _format_of(output)
        delivered = Archive(archive, options=read_config(config).storage, as_of=as_of).file(key, wanted)
        if output == "-":
            sys.stdout.buffer.write(delivered.data)
            return
        _write(Path(output), delivered)


def _format_of(output: str) -> Format | None:
    """The format that FILE's name asks for; any other name takes the image as it comes."""
    return None if output == "-" else format_of_path(output)


def _write(path: Path, delivered: Delivery) -> None:
    ours = delivered.extensions
    if ours is not None and path.suffix and path.suffix.lower() not in ours:
        known = ", ".join(extension for names in FORMATS.values() for extension in names)
        raise ConfigError(
            f"Expected a FILE named {ours[0]} for {delivered.description}, got {path.name!r}. "
            f"Name it {path.stem}{ours[0]}, choose another of {known}, or say --format."
        )
    if path.exists() and not path.is_file():
        _write_into(path, delivered.data)
    else:
        target = path.resolve()
        LocalStore(str(target.parent)).write(target.name, delivered.data)
    say(f"{path}: {delivered.description}, {len(delivered.data)} bytes")


def _write_into(path: Path, data: bytes) -> None:
    """To a pipe or a device; a folder refuses."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(
            f"Expected to write {path}, got: {error.strerror}. Choose another place with -o."
        ) from error
