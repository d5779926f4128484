"""`tenfold bench balance`: what a codec's model loses, and what is lost in rounding before its coder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer

from codec.bench.balance import Balance, Unround, balances
from codec.codec import Codec
from codec.contract import RGB
from codec.registry import families, family_of, load_codec
from jobs.bench.images import BenchImage, usable_images
from jobs.bench.machine import circumstances
from jobs.bench.options import CodecId, EncodeWith, ImagesFolder, parse_qualities, read_weights
from jobs.options import AsJson
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.progress import count_steps
from pipeline.errors import UsageError


def balance(
    images: ImagesFolder,
    *,
    codec: CodecId = "ae-zfp-1",
    weights: EncodeWith = None,
    qualities: Annotated[
        str,
        typer.Option(
            help="0 to 63, separated by commas. Those by default are where ae-zfp-1 meets 122x, 100x, 97x, 60x, 25x, "
            "13x and 10x on photographs like those it was trained on."
        ),
    ] = "3,8,8.7,20,41,55.3,61",
    as_json: AsJson = False,
) -> None:
    """Split a codec's squared error between its model and the rounding of what the model hands to the coder.

    The model's part is what the decoder loses when nothing was rounded: a blur. The rest is the noise of rounding. A
    ratio can be met with much of the one or of the other: `--weights 25x` shows what one preset does at every quality,
    at low ones with coarse steps.

    Examples:

      tenfold bench balance --images photos/

      tenfold bench balance --images photos/ --weights 25x --qualities 0,10,20,30,40
    """
    with clear_errors():
        levels = parse_qualities(qualities)
        loaded = load_codec(codec, encode_with=None if weights is None else read_weights(codec, weights))
        unround = _unround(codec, loaded)
        found = usable_images(images)
        for key, reason in found.skipped.items():
            say(f"{key} is left out: {reason}")
        with count_steps("images", len(found.usable)) as advance:
            rows = balances(loaded, unround, _pixels(found.usable, advance), levels)
        if as_json:
            print_json({"about": circumstances(), "qualities": [_facts(row) for row in rows]})
        else:
            print(_text(rows))


def _unround(codec_id: str, codec: Codec) -> Unround:
    """The family's part that leaves rounding out.

    Raises:
        UsageError: it has none.
    """
    family = family_of(codec_id)
    if family.unrounded is None:
        able = ", ".join(one.id for one in families().values() if one.unrounded is not None)
        raise UsageError(f"Expected a codec whose error can be split, of {able}; got {codec_id}.")
    return partial(family.part(family.unrounded), codec)


def _pixels(images: Iterable[BenchImage], on_done: Callable[[], None]) -> Iterator[RGB]:
    for image in images:
        yield image.pixels()
        on_done()


def _facts(row: Balance) -> dict[str, Any]:
    """What a program reads."""
    return {
        **asdict(row),
        "error_of_rounding": row.error_of_rounding,
        "share_of_rounding": row.share_of_rounding,
    }


def _text(rows: Sequence[Balance]) -> str:
    lines = ["quality  model      bpp   ratio  squared error  of the model  of rounding  rounding's share"]
    lines += [
        f"{row.quality:>7g}  {row.model:<6} {row.bpp:>7.3f} {row.ratio:>7.1f} {row.error:>14.2f} "
        f"{row.error_of_model:>13.2f} {row.error_of_rounding:>12.2f} {row.share_of_rounding:>17.0%}"
        for row in rows
    ]
    return "\n".join([*lines, f"{rows[0].images} images; squared levels of 0 to 255, means over images"])
