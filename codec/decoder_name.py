"""Names of decoders: `realistic`, or `realistic:0.5` for half of what it makes of the faithful picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from codec.contract import Decoder
from codec.errors import CodecConfigError

_STRENGTH: Final = re.compile(r"0\.\d{1,2}")
_BEHIND: Final = ":"
ALL: Final = 1.0
"""The strength of a name that says none."""


def strength_of(name: str) -> float:
    """How much of what a decoder makes of the faithful picture a name asks for, more than 0 and at most 1.

    Raises:
        CodecConfigError: what stands behind the colon is no strength.
    """
    _, behind, said = name.partition(_BEHIND)
    if not behind:
        return ALL
    if not _STRENGTH.fullmatch(said) or not float(said):
        raise CodecConfigError(
            f"expected a strength from 0.01 to 0.99 behind a decoder's colon, such as realistic:0.5, got {name!r}; "
            "leave it out for all that the decoder makes of a picture"
        )
    return float(said)


def name_in_files(name: str) -> str:
    """The decoder that weights files name: without a strength."""
    return name.partition(_BEHIND)[0]


def with_strength(name: str, strength: float) -> str:
    """The decoder at a strength below 1."""
    return f"{name}{_BEHIND}{strength:g}"


class NamedDecoders(Mapping[str, Decoder]):
    """A codec's decoders, those of names with a strength among them; who lists them gets names without."""

    def __init__(self, decoders: Mapping[str, Decoder]) -> None:
        """Take them by their names."""
        self._decoders = decoders

    def __getitem__(self, name: str) -> Decoder:
        """The decoder; KeyError where there is none, or its picture cannot be had in part."""
        whole = self._decoders[name_in_files(name)]
        try:
            strength = strength_of(name)
        except CodecConfigError as error:
            raise KeyError(name) from error
        found = whole if strength == ALL else whole.in_part(strength)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        """Names without a strength."""
        return iter(self._decoders)

    def __len__(self) -> int:
        """How many there are without a strength."""
        return len(self._decoders)
