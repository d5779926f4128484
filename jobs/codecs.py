"""`tenfold codecs`: the codecs that are here, and the weights that they ship with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from codec.contract import DEFAULT_CODEC
from codec.family import Family
from codec.preset import Preset, preset_names, read_preset
from codec.registry import families, offered_by
from jobs.options import AsJson
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json
from jobs.terminal.streams import product_is_printed

_HEADINGS = ("preset", "parameters", "kMAC/pixel to encode", "to decode", "bpp", "trained")


def codecs(*, as_json: AsJson = False) -> None:
    """List the codecs that can be used here: what each is, and its presets.

    A preset is a weights file that ships with a codec; `--weights PRESET` encodes with it. Rates are what its training
    reached on held-back crops. `compress` takes an experimental codec only by its name: a later release may not decode
    what it made.

    Examples:

      tenfold codecs

      tenfold compress photos/ archive/ --codec hyper-1 --weights small
    """
    with clear_errors():
        product_is_printed()
        found = [
            (family, [read_preset(family, name) for name in preset_names(family)])
            for family in families().values()
        ]
        if as_json:
            print_json([_facts(family, presets) for family, presets in found])
            return
        for number, (family, presets) in enumerate(found):
            if number:
                print()
            print("\n".join(_lines(family, presets)))


def _facts(family: Family, presets: list[Preset]) -> dict[str, Any]:
    """What a program reads."""
    return {
        "id": family.id,
        "default": family.id == DEFAULT_CODEC,
        "experimental": family.experimental,
        "searches": family.searches,
        "summary": family.summary,
        "source": family.source,
        "licence": family.licence,
        "package": offered_by(family.id) or None,
        "presets": [asdict(preset) for preset in presets],
    }


def _lines(family: Family, presets: list[Preset]) -> Iterator[str]:
    """What a person reads."""
    yield f"{family.id}{_standing(family)}"
    yield f"  {family.summary}"
    yield f"  Source: {family.source}"
    by = offered_by(family.id)
    yield f"  Licence: {family.licence}" + (f". From the package {by}" if by else "")
    if not presets:
        yield "  No weights ship with it: --weights FILE, from `tenfold train`."
        return
    rows = [_HEADINGS, *(_cells(preset) for preset in presets)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *cells in rows:
        aligned = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield "    ".join((f"    {name:<{widths[0]}}", *aligned))


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
        _trained(preset),
    )


def _rates(preset: Preset) -> str:
    """The range of what its training reached."""
    if not preset.reached:
        return "not measured"
    rates = [f"{one.bpp:.2g}" for one in (preset.reached[0], preset.reached[-1])]
    return " to ".join(dict.fromkeys(rates))


def _trained(preset: Preset) -> str:
    steps = f"{preset.steps:,} steps" if preset.steps else ""
    minutes = f"{preset.minutes:g} min" if preset.minutes else ""
    return ", ".join(filter(None, (minutes, steps))) or "not recorded"
