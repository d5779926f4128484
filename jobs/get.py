"""`tenfold get ARCHIVE KEY -o FILE`: one image back, or a few."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final, NoReturn

import typer

from codec.contract import FAITHFUL
from codec.registry import check_decoder
from jobs.options import (
    ArchiveUrl,
    AsOfVersion,
    ConfigFile,
    DecoderName,
    OutQuality,
    key_of_file,
    read_config,
    read_form,
    usage,
)
from jobs.terminal.decoded import code_of, tell_decoded
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import say
from jobs.terminal.streams import product_is_printed
from pipeline.config import CompressConfig
from pipeline.decode.archive import Archive
from pipeline.decode.deliver import Delivery
from pipeline.decode.file_form import OutputFormat
from pipeline.decode.options import DecodeOptions
from pipeline.decode.run import DecodeRun
from pipeline.decode.save import save_file
from pipeline.decode.selection import Selection
from pipeline.decode.view_size import Region
from pipeline.errors import RestoreError, StorageError, UsageError
from pipeline.globs import is_glob
from pipeline.image.file_formats import FORMATS, Format, format_of_path
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, scheme, split_url

_FOLDER_STOPPED: Final = (
    "Stopped. Files that are there are whole; the same command with --overwrite begins again."
)


def _region(text: str) -> Region:
    """Of `L,T,W,H`."""
    try:
        left, top, width, height = (int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(
            f"expected four whole numbers, left, top, width and height, as 0,0,512,512; got {text!r}"
        ) from error
    return left, top, width, height


def get(
    archive: ArchiveUrl,
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            callback=key_of_file,
            help="The image's key, as `tenfold ls` prints it, or a glob such as `'holiday/*'`: then -o names a folder.",
        ),
    ],
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write; `-` for stdout; DIR/ for a folder, in which a file is named as by `tenfold decode`.",
        ),
    ],
    fmt: Annotated[
        OutputFormat | None,
        typer.Option(
            "--format",
            help="Default: what FILE's name says, else png (kept images: as they were). source: the format in which "
            "it came.",
        ),
    ] = None,
    out_quality: OutQuality = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--size",
            min=1,
            metavar="N",
            help="The longer side at most, in pixels; proportions are kept, and nothing is made larger. A small "
            "picture takes a fraction of the time.",
        ),
    ] = None,
    width: Annotated[
        int | None,
        typer.Option("--width", min=1, metavar="N", help="Instead of --size: at most so many pixels wide."),
    ] = None,
    height: Annotated[
        int | None,
        typer.Option("--height", min=1, metavar="N", help="Likewise high; with --width, both hold."),
    ] = None,
    region: Annotated[
        Any,
        typer.Option(
            "--region",
            metavar="L,T,W,H",
            parser=_region,
            help="A part alone: W x H pixels, of which the first is L from the left and T from the top, before an EXIF "
            "orientation turns the picture. --width and --height are of the part.",
        ),
    ] = None,
    decoder: DecoderName = FAITHFUL,
    first_bytes: Annotated[
        int | None,
        typer.Option(
            "--first-bytes",
            min=1,
            metavar="N",
            help="Read at most N bytes of the image's payload, and show what they say: a coarse picture from a slow "
            "store. Of codecs whose payloads show something before they are whole.",
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

    Only that image's payload is read: one range request once the catalogue is known. For many images `tenfold decode`
    is faster. In another size, or in part, the picture comes with its orientation and colour profile and no other
    metadata; a kept file too, as PNG or what FILE's name says.

    Examples:

      tenfold get archive/ holiday/beach.jpg -o beach.png

      tenfold get archive/ holiday/beach.jpg -o small.webp --size 256

      tenfold get archive/ holiday/beach.jpg -o shown.png --decoder realistic

      tenfold get archive/ 'holiday/*' -o back/
    """
    form = read_form(fmt or _format_of(output), out_quality)
    box = _box(width, height, size=size)
    is_folder = _is_folder(output)
    with clear_errors(stopped=_FOLDER_STOPPED if is_folder else None):
        with usage():
            check_decoder(decoder)
        settings = read_config(config, workers=0)
        opened = Archive(archive, options=settings.storage, as_of=as_of)
        is_many = _is_of_many(key, opened, archive=archive, output=output, is_folder=is_folder)
        if is_folder and (box or region or first_bytes):
            raise typer.BadParameter(
                "--width, --height, --region and --first-bytes are of one image: name the FILE to write, or take "
                "--size",
                param_hint="--output",
            )
        if is_folder:
            options = DecodeOptions(
                form=form,
                size=size,
                decoder=decoder,
                selection=Selection(glob=key) if is_many else Selection(keys=[opened.row(key).key]),
                as_of=as_of,
                existing="replace" if overwrite else "refuse",
            )
            _get_into(archive, output, settings, options)
        try:
            delivered = opened.file(
                key,
                form.fmt,
                quality=form.quality,
                size=size or box,
                region=region,
                decoder=decoder,
                first_bytes=first_bytes,
            )
        except RestoreError:
            if fmt is not None or not _is_kept_under_such_a_name(opened, key, output):
                raise
            delivered = opened.file(key)
        if output == "-":
            product_is_printed()
            sys.stdout.buffer.write(delivered.data)
            return
        _check_extension(output, delivered)
        _write(Storage(archive, settings.storage), output, delivered.data, overwrite=overwrite)
        say(f"{output}: {delivered.description}, {len(delivered.data)} bytes")


def _box(width: int | None, height: int | None, *, size: int | None) -> tuple[int | None, int | None] | None:
    if width is None and height is None:
        return None
    if size is not None:
        raise typer.BadParameter("--size, or a box of --width and --height: not both", param_hint="--size")
    return width, height


def _get_into(archive: str, output: str, settings: CompressConfig, options: DecodeOptions) -> NoReturn:
    """Files into a folder."""
    source, destination = (Storage(url, settings.storage) for url in (archive, output))
    summary = DecodeRun(source, destination, settings, options).run()
    tell_decoded(summary, output, as_json=False)
    raise SystemExit(code_of(summary))


def _is_folder(output: str) -> bool:
    is_local = output != "-" and scheme(output) in LOCAL
    return output.endswith("/") or (is_local and Path(local_path(output)).is_dir())


def _is_of_many(key: str, opened: Archive, *, archive: str, output: str, is_folder: bool) -> bool:
    """Whether KEY is a glob, and not the very key of an image.

    Args:
        is_folder: whether files are to go into a folder.
    Raises:
        typer.BadParameter: it is a glob, and they are not.
        UsageError: it is no glob, and there are images below it.
    """
    if opened.find(key) is not None:
        return False
    if is_glob(key):
        if not is_folder:
            raise typer.BadParameter(f"{key!r} is a glob: name a folder, as {output}/", param_hint="--output")
        return True
    folder = key.rstrip("/")
    if next(opened.keys(f"{folder}/"), None) is not None:
        there = output if is_folder else f"{output}/"
        raise UsageError(
            f"Expected the key of an image, got {key!r}, in which images lie: get them all with "
            f"`tenfold get {archive} '{folder}/**' -o {there}`."
        )
    return False


def _format_of(output: str) -> Format | None:
    """The format that FILE's name asks for; any other name takes the image as it comes."""
    return None if output == "-" else format_of_path(output)


def _is_kept_under_such_a_name(opened: Archive, key: str, output: str) -> bool:
    """Whether a file was kept as it is, and FILE ends as its key does: whatever it is, that is what it is called."""
    return opened.row(key).status in ("kept", "bounded") and format_of_path(key) == format_of_path(output)


def _write(archive: Storage, output: str, data: bytes, *, overwrite: bool) -> None:
    url = output
    if scheme(output) in LOCAL:
        path = Path(local_path(output))
        if path.exists() and not path.is_file():
            _write_into(path, data)
            return
        url = os.path.realpath(path)
    root, path_below = split_url(url)
    folder, _, name = path_below.rpartition("/")
    save_file(
        archive, Storage(f"{root.rstrip('/')}/{folder}", archive.options), name, data, overwrite=overwrite
    )


def _check_extension(output: str, delivered: Delivery) -> None:
    name = PurePosixPath(output)
    if delivered.fmt is None or not name.suffix or format_of_path(output) == delivered.fmt:
        return
    ours = FORMATS[delivered.fmt][0]
    choices = ", ".join(extension for names in FORMATS.values() for extension in names)
    raise UsageError(
        f"Expected a FILE named {ours} for {delivered.description}, got {name.name!r}. "
        f"Name it {name.stem}{ours}, choose another of {choices}, or say --format."
    )


def _write_into(path: Path, data: bytes) -> None:
    """To a pipe or a device; a folder refuses."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(
            f"Expected to write {path}, got: {error.strerror}. Choose another place with -o."
        ) from error
