"""What a weights file is there for, as it says itself: to code pictures, or to look at what was coded. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from codec.errors import WeightsError

DECODER: Final = "decoder"
HEAD: Final = "head"
_CALLED: Final = {None: "a codec's own weights", DECODER: "a decoder", HEAD: "a head"}
_TAKEN: Final = {
    None: "they are given with `--weights`",
    DECODER: "give it to `tenfold decoders --add`",
    HEAD: "it lies in the folder `heads` beside the shipped weights of its family",
}


def check_role(config: Mapping[str, Any], expected: str | None, *, where: str) -> None:
    """Refuse a file that is there for something else.

    Args:
        config: what the file says of itself.
        expected: `DECODER` or `HEAD`; None for a codec's own weights, which say no role.
        where: for messages.
    Raises:
        WeightsError: it says another role; the text says which, and where such a file is taken.
    """
    role = config.get("role")
    if role == expected:
        return
    called = _CALLED.get(role, f"a file of the role {role!r}")
    name = f" ({config.get(role)})" if role else ""
    family = f" of {config['family']}" if "family" in config else ""
    raise WeightsError(
        f"expected {_CALLED[expected]}, got {called}{name}{family} ({where}): "
        f"{_TAKEN.get(role, 'a newer tenfold may read it')}"
    )
