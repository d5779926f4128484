"""Which weights files a family's codec loads, and what they say of themselves: one rule for every family.

The file to encode with must be whole. All others are there to decode with: one that is damaged, or another family's, is
passed over, and a payload that needs it says that its weights are not at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from codec.errors import WeightsError
from codec.family import Family
from codec.weights_file import SUFFIX, WeightsFile, digest_of, parse_weights, read_weights
from codec.weights_role import check_role, said_by

_Config = TypeVar("_Config", bound=BaseModel)
_Weights = TypeVar("_Weights")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedWeights(Generic[_Weights]):
    """What a codec is made of."""

    own: _Weights
    """To encode with."""
    others: list[_Weights]
    """To decode with, as `own` is."""


def load_weights(
    family: Family,
    understand: Callable[[WeightsFile], _Weights],
    *,
    default: str,
    own: bytes | None,
    others: Sequence[bytes],
) -> LoadedWeights[_Weights]:
    """What was given, and all presets that ship with a family. A file that is there twice is loaded once.

    Args:
        understand: makes of a file what the family's codec takes, or raises WeightsError.
        default: the preset of who gives no weights to encode with.
        own: the weights file to encode with; None for the preset.
        others: further weights files that payloads may have been made with.
    Raises:
        WeightsError: the file to encode with is missing, damaged or not this family's.
    """
    chosen = (
        read_weights(family.weights_path(default))
        if own is None
        else parse_weights(own, where="given to encode with")
    )
    return LoadedWeights(
        own=understand(chosen),
        others=weights_beside(family.shipped, others, understand, loaded={chosen.digest}),
    )


def weights_beside(
    shipped: Path,
    others: Sequence[bytes],
    understand: Callable[[WeightsFile], _Weights],
    *,
    loaded: Collection[bytes],
) -> list[_Weights]:
    """What payloads may have been made with, beside what a codec encodes with, each file once.

    Args:
        shipped: the folder of a family's presets.
        others: further weights files.
        loaded: digests of what is there already.
    """
    files = (*(path.read_bytes() for path in sorted(shipped.glob(f"*{SUFFIX}"))), *others)
    return understood([data for data in files if digest_of(data) not in loaded], understand)


def understood(files: Sequence[bytes], understand: Callable[[WeightsFile], _Weights]) -> list[_Weights]:
    """Those of the files that a family understands, each once; the others are another family's, or damaged."""
    found = []
    for data in dict.fromkeys(files):
        try:
            found.append(understand(parse_weights(data, where="given for decoding")))
        except WeightsError:
            continue
    return found


def read_config(file: WeightsFile, kind: type[_Config], family: str, *, role: str | None = None) -> _Config:
    """What a weights file says of itself, as the config that a family writes into its files.

    Args:
        file: read, and not yet understood.
        kind: of config.
        family: its id.
        role: of `codec.weights_role`; None for a codec's own weights.
    Raises:
        WeightsError: it is another family's, of another role, or says what such files do not say.
    """
    said = said_by(file.config, where=file.where)
    if (named := said.get("family", family)) != family:
        raise WeightsError(
            f"expected weights of {family}, got those of {named} ({file.where}); use them with {named}"
        )
    check_role(said, role, where=file.where)
    try:
        return kind.model_validate_json(file.config)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"]))
        raise WeightsError(
            f"expected weights of {family}, got a config that says at {at!r}: {first['msg']} ({file.where}); "
            "use what `tenfold train` wrote for this family"
        ) from error
