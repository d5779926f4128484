"""From a codec's id to its family, and to a codec with its weights loaded.

Families are found, not listed: every folder of `codec/families/`, and every entry point of the group
`tenfold.families`. docs/extending.md shows how to add one.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, Protocol

from codec import families as families_package
from codec.codec import Codec
from codec.contract import DEFAULT_CODEC, FAITHFUL, Demands
from codec.decoder_name import name_in_files
from codec.errors import CodecConfigError, UnknownCodecError
from codec.family import CODEC_ITSELF, Family, OtherDecoder
from codec.near_names import did_you_mean
from codec.preset import preset_names
from codec.training.config import TrainConfig

if TYPE_CHECKING:  # importing the registry loads no torch
    import torch

    from codec.training.recipe import Recipe

ENTRY_POINTS: Final = "tenfold.families"
"""The group in which an installed package offers a family of its own."""


class Loader(Protocol):
    """What a family's `codec` names."""

    def __call__(self, *, device: torch.device, own: bytes | None, others: Sequence[bytes]) -> Codec:
        """The codec, resident on a device.

        Args:
            own: the weights file to encode with; None for what ships with the family.
            others: further weights files that payloads may have been made with; those of other families among them
                are passed over (`codec.family_weights.understood`).
        Raises:
            CodecConfigError: the family encodes with its shipped weights only, and `own` is given.
            WeightsError: `own` is not this family's, or the shipped weights are missing or damaged.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A family, and who offers it."""

    family: Family
    where: str
    """For messages."""
    by: str
    """Name and version of the package that it is installed with; empty for a folder of `codec/families/`."""


def families() -> dict[str, Family]:
    """Every family that is here, by id: the default one first, those that are experimental last.

    Raises:
        CodecConfigError: two families have one id, or something that is offered as a family is none.
    """
    return {family_id: offer.family for family_id, offer in _known_offers().items()}


def offered_by(family_id: str) -> str:
    """Name and version of the package that brings a family; empty where it comes with this release.

    Raises:
        UnknownCodecError: there is no such family.
    """
    return _known_offers()[family_of(family_id).id].by


def codec_ids() -> list[str]:
    """Ids that `load_codec` takes, in the order of `families`."""
    return list(families())


def family_of(codec_id: str) -> Family:
    """The family that has an id.

    Raises:
        UnknownCodecError: there is none.
    """
    by_id = families()
    if codec_id not in by_id:
        offered = ", ".join(one.id for one in by_id.values() if not one.experimental)
        raise UnknownCodecError(
            f"expected a codec of {offered}, or an experimental one (`tenfold codecs` lists all); got "
            f"{codec_id!r}{did_you_mean(codec_id, by_id)}"
        )
    return by_id[codec_id]


def is_experimental(codec_id: str) -> bool:
    """Whether an id is that of a family whose payloads may stop decoding in a later release."""
    return any(one.id == codec_id and one.experimental for one in families().values())


def nears_originals(codec_id: str | None) -> bool:
    """Whether a codec's best quality is near the original; of one that is not here, nobody knows better."""
    return all(one.nears_originals for one in families().values() if one.id == codec_id)


def check_codec(codec_id: str, demands: Demands) -> None:
    """Refuse a codec that is not here, and what it does not know, before anything is loaded.

    Raises:
        UnknownCodecError: there is none of that id.
        CodecConfigError: it does not search, takes no importance maps, or takes no words.
    """
    family_of(codec_id).check_demands(demands)


def check_decoder(name: str) -> OtherDecoder | None:
    """Refuse a decoder that no codec here has, before anything is loaded; of one that there is say what it is.

    Returns:
        None for the faithful one.
    Raises:
        CodecConfigError: there is none of that name, and the text names those that there are; or it has a strength that
            cannot be.
    """
    others = {decoder.name: decoder for family in families().values() for decoder in family.decoders}
    names = [FAITHFUL, *others]
    if name != FAITHFUL and name_in_files(name) not in others:
        raise CodecConfigError(
            f"expected a decoder, one of {', '.join(names)} (`tenfold codecs` says what each is for); got {name!r}"
            f"{did_you_mean(name, names)}"
        )
    return None if name == FAITHFUL else others[name_in_files(name)].at(name)


def load_codec(
    codec_id: str = DEFAULT_CODEC,
    *,
    device: str = "auto",
    weights: Sequence[bytes] = (),
    encode_with: bytes | None = None,
) -> Codec:
    """A codec with its shipped weights, resident on `device`: auto (a GPU when there is one), cpu, cuda, cuda:n.

    Args:
        weights: further weights files that payloads may have been made with. One that the codec does not
            understand is passed over: decoding a payload that needs it raises UnknownWeightsError.
        encode_with: a weights file to encode with instead of the shipped one.
    Raises:
        UnknownCodecError: no codec has that id.
        CodecConfigError: there is no such device here, or this codec encodes with its shipped weights only.
        WeightsError: the shipped weights are missing or damaged.
    """
    family = family_of(codec_id)
    from codec.device import resolve_device  # it imports torch

    load: Loader = family.part(family.codec)
    return load(device=resolve_device(device), own=encode_with, others=weights)


def presets(family_id: str) -> tuple[str, ...]:
    """Names of the weights files that ship with a family, as `--weights` takes them.

    Raises:
        UnknownCodecError: there is no such family.
    """
    return preset_names(family_of(family_id))


def preset_weights(family_id: str, name: str) -> bytes:
    """A shipped weights file.

    Raises:
        UnknownCodecError: there is no such family.
        CodecConfigError: it ships with no weights of that name; the text names those that there are.
    """
    shipped = presets(family_id)
    if name not in shipped:
        near = did_you_mean(name, shipped)
        raise CodecConfigError(
            f"expected a preset of {family_id}, one of {', '.join(shipped) or 'none'}; got {name!r}{near}"
        )
    return family_of(family_id).weights_path(name).read_bytes()


def config_type(family_id: object, trains: object = CODEC_ITSELF) -> type[TrainConfig]:
    """The config that a family's runs are told.

    Args:
        family_id: what a file has at `family`.
        trains: what it has at `trains`.
    Raises:
        CodecConfigError: there is no such family, or none was named; or it trains nothing of that name.
    """
    by_id = families()
    if not isinstance(family_id, str) or family_id not in by_id:
        raise CodecConfigError(
            f"expected `family:` to be one of {', '.join(by_id)}; got {family_id!r}{did_you_mean(family_id, by_id)}"
        )
    family = by_id[family_id]
    trained = (CODEC_ITSELF, *family.trains)
    if not isinstance(trains, str) or trains not in trained:
        raise CodecConfigError(
            f"expected `trains:` to be one of {', '.join(trained)}, as {family_id} has them; got {trains!r}"
            f"{did_you_mean(trains, trained)}"
        )
    kind: type[TrainConfig] = family.part(family.training(trains).train_config)
    return kind


def recipe_type(family_id: str, trains: str = CODEC_ITSELF) -> Callable[[Any, torch.device], Recipe[Any]]:
    """What makes the recipe of something that a family trains of a config and a device.

    Raises:
        UnknownCodecError: there is no such family.
    """
    family = family_of(family_id)
    kind: Callable[[Any, torch.device], Recipe[Any]] = family.part(family.training(trains).recipe)
    return kind


def recipe_for(config: TrainConfig, device: torch.device) -> Recipe[Any]:
    """The recipe that a config is of."""
    return recipe_type(config.family, config.trains)(config, device)


@lru_cache(maxsize=1)
def _offers(folders: tuple[str, ...], _importable: tuple[str, ...]) -> dict[str, _Offer]:
    """Look for families; the arguments are where one looks, so that a folder added later is looked into."""
    found: dict[str, _Offer] = {}
    for where, by, family in (*_in_folders(folders), *_in_installed_packages()):
        if not isinstance(family, Family):
            raise CodecConfigError(
                f"expected FAMILY, a codec.family.Family, at {where}, got {type(family).__name__}; "
                "docs/extending.md shows one"
            )
        if family.id in found:
            raise CodecConfigError(
                f"expected every codec family to have an id of its own, got {family.id!r} twice: at "
                f"{found[family.id].where} and at {where}; rename or remove one of them"
            )
        found[family.id] = _Offer(family=family, where=where, by=by)
    ordered = sorted(
        found.values(),
        key=lambda offer: (offer.family.id != DEFAULT_CODEC, offer.family.experimental, offer.family.id),
    )
    return {offer.family.id: offer for offer in ordered}


def _known_offers() -> dict[str, _Offer]:
    return _offers(tuple(families_package.__path__), tuple(sys.path))


def _in_folders(folders: tuple[str, ...]) -> Iterator[tuple[str, str, object]]:
    for module in pkgutil.iter_modules(folders):
        name = f"{families_package.__name__}.{module.name}"
        yield name, "", getattr(importlib.import_module(name), "FAMILY", None)


def _in_installed_packages() -> Iterator[tuple[str, str, object]]:
    for point in entry_points(group=ENTRY_POINTS):
        package = point.dist.name if point.dist else "a package"
        where = f"{point.value} (entry point {point.name} of {package})"
        try:
            yield where, f"{package} {point.dist.version}" if point.dist else package, point.load()
        except (ImportError, AttributeError) as error:
            raise CodecConfigError(
                f"expected a codec family at {where}, got {error}; repair or uninstall that package"
            ) from error
