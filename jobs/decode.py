"""`tenfold decode ARCHIVE DST`: images back, in bulk."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.keys_file import read_keys
from jobs.options import (
    ArchiveUrl,
    AsJson,
    AsOfVersion,
    ConfigFile,
    KeyGlob,
    OutQuality,
    RayAddress,
    Workers,
    read_config,
    read_form,
)
from jobs.terminal.decoded import tell_decoded
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.progress import show_progress
from jobs.watched import watched
from pipeline.decode.file_form import NamePolicy, OutputFormat
from pipeline.decode.plan import Existing
from pipeline.decode.run import GOES_ON, DecodeRun
from pipeline.decode.selection import Selection
from pipeline.store.storage import Storage


@watched
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
        OutputFormat | None,
        typer.Option(
            "--format",
            help="Default: png for coded images, the original file for kept ones. source: the format in which each "
            "image came, under its own name, where it is a lossy one in a file that is not larger than it was; PNG for "
            "formats that are not written.",
        ),
    ] = None,
    out_quality: OutQuality = None,
    names: Annotated[
        NamePolicy,
        typer.Option(
            help="What a.jpg is called that comes as PNG. append: a.jpg.png. replace: a.png, where no other image "
            "could be called so, else a.jpg.png. keep: a.jpg."
        ),
    ] = "append",
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
    (a.jpg becomes a.jpg.png), so that a.jpg and a.gif never meet; --names has other ways, and --format source leaves
    names as they were. `..` and a leading `/` in keys are escaped: nothing is written outside DST. A name that DST
    cannot hold is shortened, and that is said.

    Where files of these names are in DST, nothing is written at all, unless --skip-existing or --overwrite says what
    becomes of them. Never into an archive, and never over an original, by whatever path DST is reached.

    Examples:

      tenfold decode archive/ back/

      tenfold decode archive/ back/ --format source --skip-existing

      tenfold decode archive/ some/ --glob 'holiday/*.jpg'
    """
    if skip_existing and overwrite:
        raise typer.BadParameter("files in DST either stay or are written over", param_hint="--overwrite")
    form = read_form(fmt, out_quality, names)
    existing: Existing = "keep" if skip_existing else "replace" if overwrite else "refuse"
    with clear_errors(stopped=f"Stopped. {GOES_ON}"):
        settings = read_config(config, workers=workers, ray_address=ray_address)
        run = DecodeRun(
            Storage(archive, settings.storage),
            Storage(dst, settings.storage),
            settings,
            form=form,
            selection=Selection(keys=read_keys(keys_file) if keys_file else None, glob=glob),
            as_of=as_of,
            existing=existing,
        )
        with show_progress() as listen:
            summary = run.run(listen)
        tell_decoded(summary, dst, as_json=as_json)
