"""`tenfold bench zoo`: every codec family beside ordinary codecs at equal bytes, judged and shown on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from codec.bench.cache import default_cache
from codec.bench.zoo.claims import CLAIMS
from jobs.bench.images import usable_images
from jobs.bench.options import ImagesFolder, make_folder, parse_rates, read_folder
from jobs.bench.zoo_entrants import ORDINARY, chosen_entrants
from jobs.bench.zoo_judges import chosen_judges
from jobs.bench.zoo_run import Scope, run_zoo
from jobs.options import AsJson
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json

_RATES: Final = "0.25,0.5,1"
_QUICK_RATES: Final = "0.25,0.5"
_PIXELS: Final = 1 << 20
_QUICK_PIXELS: Final = 256 * 256


def zoo(
    images: ImagesFolder,
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            parser=read_folder,
            help="Write index.html, README.md, zoo.json, curves/, pictures/ here.",
        ),
    ],
    *,
    codecs: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Only these, separated by commas: families, family/preset, or ordinary ones such as "
            f"{', '.join(ORDINARY)}. `tenfold codecs` lists families and presets.",
        ),
    ] = None,
    bpp: Annotated[
        str | None,
        typer.Option(
            metavar="RATES",
            help=f"Bits per pixel at which all are held side by side. Default: {_RATES}; with --quick {_QUICK_RATES}.",
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many images, the first by name.")] = 6,
    shown: Annotated[int, typer.Option(min=0, help="Of how many of them the page shows pictures.")] = 2,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Of each image the middle 256 x 256 pixels: minutes, coarse numbers."),
    ] = False,
    judges: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Only these judges, separated by commas, such as `SSIM,LPIPS (AlexNet)`; a name that does not exist "
            "is answered with all there are. LPIPS (VGG) and DISTS take most of the time.",
        ),
    ] = None,
    claims: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What was claimed, as YAML: each claim is held against the rows. Default: sentences of the research "
            "log and of papers.",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", parser=read_folder, help="Where what was measured is kept between runs."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """All codec families and presets beside JPEG, WebP, AVIF and JPEG XL, at equal bytes: one run, one table, one page.

    Each image is coded by each codec at the setting whose whole payload is nearest to the rate. Judges that are not
    installed are named, with what to install. Stop it at any time: the same command goes on. Seconds are of CPU.

    Example:

      tenfold bench zoo --images photos/ --out zoo/ --quick
    """
    with clear_errors():
        rates = parse_rates(bpp or (_QUICK_RATES if quick else _RATES))
        scope = Scope(count=count, shown=shown, pixels=_QUICK_PIXELS if quick else _PIXELS)
        asked = chosen_judges(judges)
        entrants, left_out = chosen_entrants(codecs)
        kept = cache or default_cache()
        for folder in (out, kept):
            make_folder(folder)
        found = usable_images(images, count=scope.count)
        left_out |= asked.left_out
        numbers = run_zoo(
            entrants,
            asked.judges,
            found,
            rates,
            scope,
            claims=claims or CLAIMS,
            kept=kept,
            out=out,
            left_out=left_out,
        )
        if as_json:
            print_json(numbers)
