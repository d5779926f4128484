"""What a weights file is there for, as it says itself: to code pictures, to do so with less work, or to look at what
was coded. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from codec.errors import WeightsError

DECODER: Final = "decoder"
ENCODER: Final = "encoder"
HEAD: Final = "head"
_CALLED: Final = {None: "a codec's own weights", DECODER: "a decoder", ENCODER: "an encoder", HEAD: "a head"}
_TAKEN: Final = {
    None: "they are given with `--weights`",
    ENCODER: "it is given with `--weights`, and is no codec by itself",
    DECODER: "give it to `tenfold decoders --add`",
    HEAD: "it lies in the folder `heads` beside the shipped weights of its family",
}


def said_by(config: str, *, where: str) -> dict[str, Any]:
    """What a weights file says of itself, not yet understood; those of `ae-zfp-1` name no family.

    Args:
        config: JSON, as it lies before the tensors.
        where: for messages.
    Raises:
        WeightsError: it is no JSON of keys and values.
    """
    try:
        said = json.loads(config)
    except ValueError as error:
        raise WeightsError(f"weights {where} are damaged, or not Tenfold's: {error}") from error
    if not isinstance(said, dict):
        raise WeightsError(
            f"weights {where} are damaged, or not Tenfold's: expected keys and values, got {said!r}"
        )
    return said


def check_role(config: Mapping[str, Any], expected: str | None, *, where: str) -> None:
    """Refuse a file that is there for something else.

    Args:
        config: what the file says of itself.
        expected: `DECODER`, `ENCODER` or `HEAD`; None for a codec's own weights, which say no role.
        where: for messages.
    Raises:
        WeightsError: it says another role; the text says which, and where such a file is taken.
    """
    role = config.get("role")
    if role == expected:
        return
    role = role if role is None or isinstance(role, str) else repr(role)
    called = _CALLED.get(role, f"a file of the role {role!r}")
    name = f" ({config.get(role)})" if role else ""
    family = f" of {config['family']}" if "family" in config else ""
    raise WeightsError(
        f"expected {_CALLED[expected]}, got {called}{name}{family} ({where}): "
        f"{_TAKEN.get(role, 'a newer tenfold may read it')}"
    )
