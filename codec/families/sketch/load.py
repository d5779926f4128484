"""`sketch-1` with its shipped weights, or with a file of one's own."""

from __future__ import annotations

from functools import partial
from typing import Final

from pydantic import TypeAdapter

from codec.families.sketch import FAMILY, SAMPLES
from codec.families.sketch.config import SketchShape
from codec.families.sketch.network import Sketch
from codec.grid.codec import load_grid
from codec.grid.network import GridFamily
from codec.parts.worded_body import WORDED

SKETCH: Final = GridFamily(
    family=FAMILY,
    config=TypeAdapter(SketchShape),
    build=Sketch,
    preset="small",
    payload_format=WORDED,
    samples=SAMPLES,
)
load: Final = partial(load_grid, SKETCH)
"""A `codec.registry.Loader`."""
