"""`tenfold bench scale`: how costs grow with the archive."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.bench.machine import circumstances
from jobs.bench.options import make_folder, read_folder
from jobs.bench.scale_cases import CASES, chosen_cases
from jobs.bench.scale_page import Figures, to_json, to_markdown
from jobs.bench.scale_run import measure_scale
from jobs.options import AsJson
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.progress import count_steps
from pipeline.errors import UsageError

_FEWEST = 10


def scale(
    *,
    rows: Annotated[
        str, typer.Option(metavar="N,N", help="Images of the archives, separated by commas, as 1e4,1e5,1e6.")
    ] = "1e3,1e4,1e5",
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CASE",
            help=f"Only this case; may be given several times. There are {', '.join(case.name for case in CASES)}. An "
            "archive is written in any case.",
            show_default=False,
        ),
    ] = None,
    s3: Annotated[
        str | None,
        typer.Option(
            "--s3",
            metavar="URL",
            help="Make the archives below s3://bucket/prefix, on the server that AWS_ENDPOINT_URL names, and count "
            "every request on the way there. Otherwise they are made in a temporary folder.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            parser=read_folder,
            help="Write scale.json, scale.md and, where matplotlib is, scale.png here.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="An earlier scale.json: its numbers stand before these."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How costs grow with the archive: CPU seconds, requests, bytes and memory, and the exponent of each.

    Archives of synthetic images are written as a run writes them, and each case runs in a process of its own; what it
    imports first is not counted. A curve of three sizes or more is `fixed + share * rows^p`, and the table says n^p; of
    two it is their ratio. `flat` is what grows by less than a quarter. Requests and bytes through --s3 are exact
    where times are noisy; in a folder, bytes are those that the process asked the kernel for.

    Examples:

      tenfold bench scale

      tenfold bench scale --rows 1e4,1e5,1e6 --s3 s3://bench/scale --out docs/benchmarks/scale

      tenfold bench scale --only nightly --only ls
    """
    with clear_errors():
        sizes, cases = _parse_sizes(rows), chosen_cases(only or [])
        before = None if against is None else _read(against)
        if out is not None:
            make_folder(out)
        with count_steps("cases measured", len(sizes) * len(cases)) as advance:
            curves = measure_scale(cases, sizes, s3=s3, on_case=advance)
        found = to_json(curves, {**circumstances(), "store": "S3" if s3 else "a folder", "rows": sizes})
        page = to_markdown(found, before)
        if out is not None:
            _write(out, found, before, page)
        if as_json:
            print_json(found)
        else:
            print(page, end="")


def _parse_sizes(text: str) -> list[int]:
    """`1e4,1e5` as numbers, rising, each once.

    Raises:
        UsageError: a word is no number of images.
    """
    try:
        sizes = sorted({int(float(word)) for word in text.split(",")})
    except (ValueError, OverflowError):
        sizes = []
    if not sizes or sizes[0] < _FEWEST:
        raise UsageError(
            f"Expected numbers of images of at least {_FEWEST}, separated by commas, got {text!r}."
        )
    return sizes


def _read(file: Path) -> Figures:
    """What was measured before.

    Raises:
        UsageError: the file is no such thing.
    """
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _ = found["cases"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(
            f"Expected a scale.json of `tenfold bench scale` at {file}, got: {error}; give one that --out wrote."
        ) from error
    return found


def _write(out: Path, found: Figures, before: Figures | None, page: str) -> None:
    (out / "scale.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "scale.md").write_text(page, encoding="utf-8")
    if find_spec("matplotlib") is None:
        say("Without matplotlib there is no scale.png: pip install 'tenfold[bench]' brings it.")
        return
    from jobs.bench.scale_plot import draw  # matplotlib: only who asks for a picture needs it

    draw(found, before, out / "scale.png")
