"""`tenfold bench rd`: our codec beside JPEG, WebP, AVIF, JPEG XL and HEIC on the same images, in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codec.bench.baselines import BASELINES
from codec.bench.cache import default_cache
from codec.contract import DEFAULT_CODEC, FAITHFUL
from codec.registry import load_codec
from jobs.bench.baselines import chosen_baselines
from jobs.bench.images import usable_images
from jobs.bench.options import (
    CodecId,
    EncodeWith,
    ImagesFolder,
    make_folder,
    parse_qualities,
    parse_rates,
    read_folder,
    read_weights,
    require,
)
from jobs.options import AsJson, usage
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json
from pipeline.errors import UsageError


def rd(
    images: ImagesFolder,
    *,
    codec: CodecId = DEFAULT_CODEC,
    weights: EncodeWith = None,
    qualities: Annotated[
        str, typer.Option(help="Ours, 0 to 63, separated by commas.")
    ] = "0,8,16,24,32,40,48,56,63",
    against: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help=f"Only these, separated by commas: {', '.join(baseline.id for baseline in BASELINES)}.",
        ),
    ] = None,
    judge_at: Annotated[
        str | None,
        typer.Option(
            metavar="RATES",
            help="Bits per pixel, separated by commas, at which LPIPS, DISTS, KD-lite0 and other judges see all at "
            "equal bytes: some 10 s an image for each codec.",
        ),
    ] = None,
    decoder: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="With --judge-at: judges see the same payloads by this decoder too, beside the faithful pictures.",
        ),
    ] = FAITHFUL,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", parser=read_folder, help="Write rd.json, rd.md, rd.svg and rd.png here."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", parser=read_folder, help="Where others' points are kept between runs."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rate and distortion of our codec and of those one might pick instead, and the BD-rate between them.

    The others are slow (AVIF at speed 2 takes 10 to 17 s per megapixel and quality) and are measured once: their
    points are kept in a cache.
    """
    with clear_errors():
        require("scipy", *(["matplotlib"] if out else []))
        from codec.bench.rd_markdown import to_markdown
        from codec.bench.rd_report import to_json
        from jobs.bench.rd_run import measure_rd, write_report  # scipy: checked for, the line above

        levels = parse_qualities(qualities)
        rates = () if judge_at is None else parse_rates(judge_at)
        baselines = chosen_baselines(against)
        loaded = load_codec(codec, encode_with=None if weights is None else read_weights(codec, weights))
        with usage():
            loaded.named_decoder(decoder)
        if decoder != FAITHFUL and not rates:
            raise UsageError("Expected --judge-at beside --decoder: PSNR is of the faithful pictures.")
        kept = cache or default_cache()
        for folder in (kept, *([out] if out else [])):
            make_folder(folder)
        report = measure_rd(
            usable_images(images), loaded, levels, baselines, kept, rates=rates, decoder=decoder
        )
        if out is not None:
            write_report(report, out)
        if as_json:
            print_json(to_json(report))
        else:
            print(to_markdown(report), end="")
