"""The networks by name: a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from codec.families.classic import FAMILY
from codec.families.classic.config import NETWORK
from codec.families.classic.convolutional import Convolutional
from codec.families.classic.dense import Dense
from codec.families.classic.pooled import Pooled
from codec.families.classic.preserving import Preserving
from codec.families.classic.variational import Digits
from codec.grid.network import GridFamily, GridNetwork

NETWORKS: Final[Mapping[str, Callable[[Any], GridNetwork]]] = {
    "dense": Dense,
    "convolutional": Convolutional,
    "pooled": Pooled,
    "digits": Digits,
    "preserving": Preserving,
}


def build(config: Any) -> GridNetwork:
    """The network of a config, untrained."""
    return NETWORKS[config.kind](config)


CLASSIC: Final = GridFamily(family=FAMILY, config=NETWORK, build=build, preset="convolutional-172")
