"""`tenfold decoders ARCHIVE`: what it keeps to be viewed with, beside the faithful decoder."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from jobs.options import ArchiveUrl, AsJson, ConfigFile, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, readable, say
from jobs.terminal.streams import product_is_printed
from pipeline.decoders.run import add_decoder, kept_decoders, remove_decoder
from pipeline.store.storage import Storage


def decoders(
    archive: ArchiveUrl,
    *,
    add: Annotated[
        str | None,
        typer.Option(
            "--add",
            metavar="NAME|FILE",
            help="Keep one that ships with this release, or that of a FILE.safetensors, for all weights of ARCHIVE "
            "that it is for.",
        ),
    ] = None,
    remove: Annotated[
        str | None, typer.Option("--remove", metavar="NAME", help="Take those of a name out of ARCHIVE.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say which decoders ARCHIVE keeps beside the faithful one, or add one, or take one out.

    `--decoder NAME` shows images with the weights that ship with a release, and another release may ship others. What
    ARCHIVE keeps comes before them: its images look the same then, whatever release shows them. No image needs it, and
    nothing else of ARCHIVE changes. `tenfold verify` and `repair` look after it as after other weights.

    Examples:

      tenfold decoders archive/

      tenfold decoders archive/ --add realistic
    """
    if add is not None and remove is not None:
        raise typer.BadParameter("--add, or --remove: not both", param_hint="--add")
    with clear_errors():
        product_is_printed()
        storage = Storage(archive, read_config(config).storage)
        if add is not None:
            found = add_decoder(storage, add)
        else:
            found = kept_decoders(storage) if remove is None else remove_decoder(storage, remove)
        if as_json:
            print_json([asdict(one) for one in found])
            return
        for one in found:
            print(readable(f"{one.decoder:<12} for payloads of {one.shows}  {one.path}"))
        if remove is not None:
            say("Taken out.")
        elif not found:
            say(f"{archive} keeps no decoder: it is shown with those that come with each release.")
