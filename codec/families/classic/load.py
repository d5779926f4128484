"""`classic-1` with its shipped weights, or with a file of one's own."""

from __future__ import annotations

from functools import partial
from typing import Final

from codec.families.classic.networks import CLASSIC
from codec.grid.codec import load_grid

load: Final = partial(load_grid, CLASSIC)
"""A `codec.registry.Loader`."""
