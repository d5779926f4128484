"""The `tenfold` command: one file a verb."""

from __future__ import annotations

import importlib
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from jobs.terminal.process import run_process
from pipeline.own_code import VERSION
from pipeline.workers.freed_memory import keep_freed_memory

VERBS: Final = {
    "plan": "Say what compressing SRC would give and take, before anything is written.",
    "compress": "Compress the images of SRC into ARCHIVE.",
    "adapt": "Let the codec learn from the images of SRC, for what ARCHIVE encodes from then on.",
    "nightly": "Bring ARCHIVE up to date with SRC: what is new or changed comes in, what is gone is followed by "
    "policy.",
    "decode": "Decode the images of ARCHIVE into DST, with EXIF, ICC profile, XMP and alpha.",
    "get": "Write the image KEY of ARCHIVE to FILE, with its EXIF, ICC profile, XMP and alpha.",
    "serve": "Serve ARCHIVE over HTTP: for browsers, IIIF viewers and programs.",
    "info": "Say what ARCHIVE is: images, bytes, codecs, runs, versions.",
    "ls": "List the images of ARCHIVE: status, size, rate, quality, and the reason where one was kept or failed.",
    "report": "Compare ARCHIVE with zip, with its source files and with other codecs; show where it is worst.",
    "retry-failed": "Try the failed images of ARCHIVE again, from where they lay, into the same ARCHIVE.",
    "verify": "Check ARCHIVE, and change nothing.",
    "repair": "Bring ARCHIVE back to what `tenfold verify` calls sound, and say what is gone.",
    "prune": "Remove from ARCHIVE what no kept version refers to: shards of replaced images, what killed runs left, "
    "old versions of the catalogue.",
    "rm": "Take images out of ARCHIVE.",
    "preview": "Make small pictures for the images of ARCHIVE that have none, so that many can be shown at once.",
    "decoders": "Say which decoders ARCHIVE keeps beside the faithful one, or add one, or take one out.",
    "label": "Label the coded images of ARCHIVE, without decoding them, so that they can be searched.",
    "search": "Find the images of ARCHIVE that look like another one, or whose labels have WORDS.",
    "history": "List the versions of ARCHIVE, the newest first: when, by which run, and how many images came, changed, "
    "went.",
    "diff": "List the images that two versions of ARCHIVE hold differently, sorted by key: + added, - removed, "
    "~ changed.",
    "codecs": "List the codecs that can be used here: what each is, its presets and its decoders.",
    "doctor": "Try everything a run needs, before the first one: reads, writes, deletes, create-only writes and "
    "commits by many writers at once, clock, Ray, GPU, and the codec on a picture.",
    "train": "Train a model of a codec family, on CPU or GPU.",
    "submit": "Run a verb as a Ray job: tenfold submit [--address URL] compress SRC ARCHIVE [its options].",
    "bench": "Measure this machine: speed, memory, rate and distortion.",
}
"""What `tenfold --help` says of each; `retry-failed` is the function `retry_failed` of jobs/retry_failed.py."""
_TAKES_ANYTHING: Final = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}
_CONTEXTS: Final = {"submit": _TAKES_ANYTHING}
"""`submit` hands on the options of another verb."""


class _Verbs(TyperGroup):
    """All verbs, of which only names and sentences are here: most files import what takes seconds to load, so that of
    a verb is imported when the verb is used."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, sentence in VERBS.items():
            self.add_command(TyperCommand(name, help=sentence))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, None if command is None else _command(str(command.name)), rest


def load_verb(name: str) -> Any:
    """The function behind a verb, or the Typer of a group of verbs."""
    name = name.replace("-", "_")
    return getattr(importlib.import_module(f".{name}", __package__), name)


def _command(name: str) -> Any:
    verb = load_verb(name)
    if isinstance(verb, typer.Typer):
        return typer.main.get_command(verb)
    alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    alone.command(name, context_settings=_CONTEXTS.get(name))(verb)
    return typer.main.get_command(alone)


app = typer.Typer(
    name="tenfold",
    cls=_Verbs,
    help="Compress image archives 10x to 100x with learned codecs on Ray, and get every image back.\n\n"
    "Start with: tenfold compress photos/ archive/, then tenfold report archive/ --out report/.\n\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some images failed, 10 no archive there, "
    "11 another nightly, adapt, prune, repair or rm holds the archive, 12 a store that is not safe, 13 the time was "
    "up, 130 stopped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"tenfold {VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Compress image archives with learned codecs, and get every image back."""


def main() -> None:
    """Entry point of the `tenfold` script."""
    keep_freed_memory()
    run_process(app)


if __name__ == "__main__":
    main()
