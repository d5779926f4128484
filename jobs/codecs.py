"""`tenfold codecs`: the codecs that are here, and the weights that they ship with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from codec.contract import DEFAULT_CODEC
from codec.decoder_file import DecoderFile, presets_by_digest, shipped_decoders
from codec.family import Family
from codec.laws import examine
from codec.preset import Preset, preset_names, read_preset, training_words
from codec.registry import families, load_codec, offered_by
from jobs.options import AsJson
from jobs.terminal.exit_codes import FAILED, clear_errors
from jobs.terminal.output import print_json
from jobs.terminal.streams import product_is_printed

_HEADINGS = ("preset", "parameters", "kMAC/pixel to encode", "to decode", "bpp", "trained")


def codecs(
    *,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="Try on this codec what every codec must keep, in seconds; exits 1 where a law is broken.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the codecs that can be used here: what each is, its presets and its decoders.

    A preset is a weights file that ships with a codec; `--weights PRESET` encodes with it. Rates are what its training
    reached on held-back crops. `compress` takes an experimental codec only by its name: a later release may not decode
    what it made. A decoder that generates shows what no payload says, and its pictures say so.

    Examples:

      tenfold codecs

      tenfold compress photos/ archive/ --codec hyper-1 --weights small

      tenfold codecs --check my-codec-1
    """
    with clear_errors():
        product_is_printed()
        if check is not None:
            _check(check, as_json=as_json)
            return
        found = [
            (
                family,
                [read_preset(family, name) for name in preset_names(family)],
                [file for file, _ in shipped_decoders(family)],
            )
            for family in families().values()
        ]
        if as_json:
            print_json([_facts(*one) for one in found])
            return
        for number, (family, presets, shipped) in enumerate(found):
            if number:
                print()
            print("\n".join((*_lines(family, presets), *_decoder_lines(family, shipped))))


def _check(codec_id: str, *, as_json: bool) -> None:
    """Say of each law whether the codec keeps it, and leave with 1 where it does not."""
    said = []
    for law, found in examine(load_codec(codec_id, device="cpu")):
        said.append({"law": law.sentence, "broken": found})
        if not as_json:
            print(
                f"ok      {law.sentence}" if found is None else f"BROKEN  {law.sentence}: {found}", flush=True
            )
    if as_json:
        print_json(said)
    if any(one["broken"] is not None for one in said):
        raise SystemExit(FAILED)


def _facts(family: Family, presets: list[Preset], shipped: list[DecoderFile]) -> dict[str, Any]:
    """What a program reads."""
    return {
        "id": family.id,
        "default": family.id == DEFAULT_CODEC,
        "experimental": family.experimental,
        "searches": family.searches,
        "takes_maps": family.takes_maps,
        "takes_words": family.takes_words,
        "summary": family.summary,
        "source": family.source,
        "licence": family.licence,
        "package": offered_by(family.id) or None,
        "presets": [asdict(preset) for preset in presets],
        "decoders": [
            {
                **asdict(decoder),
                "licence": family.licence,
                "shipped": [asdict(one) for one in shipped if one.decoder == decoder.name],
            }
            for decoder in family.decoders
        ],
    }


def _lines(family: Family, presets: list[Preset]) -> Iterator[str]:
    """What a person reads."""
    yield f"{family.id}{_standing(family)}"
    yield f"  {family.summary}"
    yield f"  Source: {family.source}"
    by = offered_by(family.id)
    yield f"  Licence: {family.licence}" + (f". From the package {by}" if by else "")
    options = {"--effort": family.searches, "--importance": family.takes_maps, "--words": family.takes_words}
    if any(options.values()):
        yield f"  Takes: {', '.join(option for option, takes in options.items() if takes)}"
    if not presets:
        yield "  No weights ship with it: --weights FILE, from `tenfold train`."
        return
    rows = [_HEADINGS, *(_cells(preset) for preset in presets)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        aligned = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield "    ".join((f"    {name:<{widths[0]}}", *aligned))
    for name in family.alone:
        yield f"  --weights {name}: serves all qualities, which the other presets share between them."


def _decoder_lines(family: Family, shipped: list[DecoderFile]) -> Iterator[str]:
    """What a person reads of the decoders beside the faithful one."""
    names = presets_by_digest(family) if shipped else {}
    for decoder in family.decoders:
        generates = " (generates)" if decoder.generates else ""
        presets = [names.get(one.shows, one.shows) for one in shipped if one.decoder == decoder.name]
        weaker = ", ".join(one.name for one in decoder.offered()[1:])
        part = f" {weaker} and other strengths draw a part of it." if weaker else ""
        of = f" For payloads of {', '.join(presets)}." if presets else ""
        yield f"  --decoder {decoder.name}{generates}: {decoder.purpose}{part}{of}"


def _standing(family: Family) -> str:
    if family.id == DEFAULT_CODEC:
        return " (default)"
    return " (experimental: a later release may not decode what it makes)" if family.experimental else ""


def _cells(preset: Preset) -> tuple[str, ...]:
    cost = preset.cost
    return (
        preset.name,
        f"{cost.parameters:,}" if cost else "not counted",
        f"{cost.encode_kmac_per_pixel:.1f}" if cost else "",
        f"{cost.decode_kmac_per_pixel:.1f}" if cost else "",
        _rates(preset),
        training_words(minutes=preset.minutes, steps=preset.steps) or "not recorded",
    )


def _rates(preset: Preset) -> str:
    """The range of what its training reached, and when, if not at its end."""
    if not preset.reached:
        return "not measured"
    rates = [f"{one.bpp:.2g}" for one in (preset.reached[0], preset.reached[-1])]
    early = preset.reached_at is not None and preset.reached_at < (preset.last_step or 0)
    return " to ".join(dict.fromkeys(rates)) + (f", at step {preset.reached_at:,}" if early else "")
