"""Who takes part in `tenfold bench zoo`: every preset of every family found, and ordinary codecs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

from codec.bench.baselines import BASELINES
from codec.bench.judges.trained_on import judges_of_training
from codec.bench.libraries import MissingLibraryError
from codec.bench.zoo.entrant import LEARNED_QUALITIES, Entrant, LearnedCoder, ordinary
from codec.contract import FAITHFUL
from codec.decoder_file import DecoderFile, shipped_decoders
from codec.decoder_name import name_in_files
from codec.family import Family
from codec.near_names import did_you_mean
from codec.preset import preset_names, read_preset
from codec.registry import families, load_codec, preset_weights
from codec.weights_file import config_of, digest_of, read_header
from pipeline.errors import UsageError

ORDINARY: Final = ("jpeg_420", "webp_m6", "avif_s6_444", "jxl_e7")
"""Those that take part unless codecs are named."""
_SMALLEST_PATCH: Final = 32
_SHOWN_BY: Final = "@"
"""Between an entrant and the decoder that shows its payloads."""


def chosen_entrants(names: str | None) -> tuple[list[Entrant], dict[str, str]]:
    """The entrants of a list separated by commas, or all families and `ORDINARY`; and those left out, with why.

    Args:
        names: `hyper-1` for all presets of a family, `ae-zfp-1/25x` for one, `jpeg_420` for an ordinary codec.
    Raises:
        UsageError: no codec has one of the names.
    """
    learned = {entrant.id: entrant for family in families().values() for entrant in _of_family(family)}
    left_out: dict[str, str] = {}
    baselines = {baseline.id: baseline for baseline in BASELINES}
    if names is None:
        left_out = _of_small_pictures()
        wanted = [name for name in (*learned, *ORDINARY) if name.partition(_SHOWN_BY)[0] not in left_out]
    else:
        wanted = [one for name in names.split(",") if name.strip() for one in _meant(name.strip(), learned)]
    chosen: list[Entrant] = []
    for name in dict.fromkeys(wanted):
        try:
            chosen.append(learned[name] if name in learned else ordinary(baselines[name]))
        except MissingLibraryError as error:
            left_out[baselines[name].title] = str(error)
    return chosen, left_out


def _of_small_pictures() -> dict[str, str]:
    """Presets that learned from pictures smaller than any photograph, and why they are left out."""
    found = {}
    for family in families().values():
        for name in preset_names(family):
            patch = read_preset(family, name).patch
            if patch is not None and patch < _SMALLEST_PATCH:
                found[f"{family.id}/{name}"] = (
                    f"it learned from pictures of {patch} x {patch} pixels; --codecs {family.id}/{name} measures it "
                    "on others"
                )
    return found


def _meant(name: str, learned: dict[str, Entrant]) -> list[str]:
    """The ids that a name stands for."""
    choices = [*learned, *(baseline.id for baseline in BASELINES)]
    meant = [one for one in choices if one == name or one.startswith(f"{name}/")]
    if not meant:
        raise UsageError(
            f"Expected codecs of {', '.join(choices)}; got {name!r}{did_you_mean(name, choices)}"
        )
    return meant


def _of_family(family: Family) -> Iterator[Entrant]:
    """One entrant for each preset, or one for all that share the qualities between them."""
    names = preset_names(family)
    if family.presets_share:
        sharing = tuple(name for name in names if name not in family.alone)
        yield _entrant(family, family.id, sharing[0], own=None, weights=sharing)
        names = family.alone
    for name in names:
        faithful = _entrant(family, f"{family.id}/{name}", name, own=name, weights=(name,))
        yield faithful
        yield from _shown_otherwise(faithful, family, name)


def _shown_otherwise(faithful: Entrant, family: Family, preset: str) -> Iterator[Entrant]:
    """The same payloads, as decoders show them whose weights ship for a preset, and those that have none."""
    shipped = list(shipped_decoders(family))
    takes_noise = read_preset(family, preset).generates
    shows = digest_of(family.weights_path(preset).read_bytes()).hex() if shipped else None
    named = {file.decoder for file, _ in shipped}
    files = {
        file.decoder: (file, config_of(data, where=file.name))
        for file, data in shipped
        if file.shows == shows
    }
    for decoder in (one for other in family.decoders for one in other.offered()):
        in_files = name_in_files(decoder.name)
        if in_files in files:
            file, config = files[in_files]
            described = _decoded_by(file, config, faithful)
            identity = f"{faithful.identity} {decoder.name} {file.digest}"
        elif in_files not in named and (takes_noise or not decoder.generates):
            described = replace(faithful, cost=None, generates=decoder.generates)
            identity = f"{faithful.identity} {decoder.name}"
        else:
            continue
        yield replace(
            described,
            id=f"{faithful.id}{_SHOWN_BY}{decoder.name}",
            title=f"{faithful.title}, {decoder.name}",
            identity=identity,
            open=partial(_open, family.id, preset, decoder.name),
        )


def _decoded_by(file: DecoderFile, config: str, faithful: Entrant) -> Entrant:
    """What a decoder's weights say of themselves, in place of what the codec's say."""
    recipe = json.loads(config).get("recipe", {})
    return replace(
        faithful,
        cost=None,
        minutes=recipe.get("config", {}).get("minutes"),
        steps=recipe.get("steps_done"),
        trained_on=judges_of_training(config),
        generates=file.generates,
    )


def _entrant(
    family: Family, entrant_id: str, described_by: str, *, own: str | None, weights: tuple[str, ...]
) -> Entrant:
    preset = read_preset(family, described_by)
    configs = [read_header(family.weights_path(name)).config for name in weights]
    has_drawing_decoder = any(decoder.generates for decoder in family.decoders)
    return Entrant(
        id=entrant_id,
        title=entrant_id.replace("/", " "),
        source=family.source,
        identity=f"{entrant_id} {_digest(family, weights)}",
        qualities=LEARNED_QUALITIES,
        open=partial(_open, family.id, own),
        cost=preset.cost,
        minutes=preset.minutes,
        steps=preset.steps,
        trained_on=frozenset[str]().union(*map(judges_of_training, configs)),
        generates=not has_drawing_decoder and any(read_preset(family, name).generates for name in weights),
    )


def _open(family_id: str, preset: str | None, decoder: str = FAITHFUL) -> LearnedCoder:
    own = None if preset is None else preset_weights(family_id, preset)
    return LearnedCoder(load_codec(family_id, device="cpu", encode_with=own), decoder)


def _digest(family: Family, weights: tuple[str, ...]) -> str:
    """Of its code and its weights."""
    folder = Path(import_module(family.package).__file__ or "").parent
    files = [*sorted(folder.rglob("*.py")), *map(family.weights_path, weights)]
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)).hexdigest()[
        :16
    ]
