"""The `tenfold` command: one file a verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from jobs.adapt import adapt
from jobs.bench import bench
from jobs.compress import compress
from jobs.decode import decode
from jobs.diff import diff
from jobs.doctor import doctor
from jobs.get import get
from jobs.history import history
from jobs.ls import ls
from jobs.nightly import nightly
from jobs.prune import prune
from jobs.repair import repair
from jobs.report import report
from jobs.retry_failed import retry_failed
from jobs.submit import submit
from jobs.terminal.process import run_process
from jobs.train import train
from jobs.verify import verify
from pipeline.own_code import VERSION
from pipeline.workers.freed_memory import keep_freed_memory

app = typer.Typer(
    name="tenfold",
    help="Compress image archives 10x to 100x with learned codecs on Ray, and get every image back.\n\n"
    "Start with: tenfold compress photos/ archive/, then tenfold report archive/ --out report/.\n\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some images failed, 10 no archive there, "
    "11 another nightly, adapt, prune or repair holds the archive, 12 a store that is not safe, 13 the time was up, "
    "130 stopped.",
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


_VERBS: tuple[Callable[..., None], ...] = (
    *(compress, adapt, nightly, decode, get, ls, report, retry_failed),
    *(verify, repair, prune, history, diff, doctor, train),
)
for verb in _VERBS:
    app.command()(verb)
app.add_typer(bench, name="bench")
app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)(submit)


def main() -> None:
    """Entry point of the `tenfold` script."""
    keep_freed_memory()
    run_process(app)


if __name__ == "__main__":
    main()
