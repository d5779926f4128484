"""What decoders are called that make up what symbols leave open: each shows another picture that may have been."""

from __future__ import annotations

from typing import Final

SAMPLED: Final = "sampled"
"""The first of them."""


def names_of_samples(count: int) -> tuple[str, ...]:
    """Of so many."""
    return (SAMPLED, *(f"{SAMPLED}-{number}" for number in range(2, count + 1)))[:count]
