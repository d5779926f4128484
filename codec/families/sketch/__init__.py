"""`sketch-1`: a few dozen bits for 32 x 32 pixels, and a decoder that draws one of the pictures that may have been."""

from __future__ import annotations

from typing import Final

from codec.family import Family, OtherDecoder
from codec.grid.samples import names_of_samples

SAMPLES: Final = 3
"""Pictures that one payload can be asked for: as many as lie side by side where people are to see what was made up."""

FAMILY: Final = Family(
    id="sketch-1",
    package=__name__,
    summary="Codes of 32 x 32 pixels, .02 to .05 bits a pixel, and pictures that may have been behind them.",
    source="Careil et al. 2024 (PerCo), arXiv:2310.10325.",
    licence="Apache-2.0",
    takes_words=True,
    nears_originals=False,
    decoders=tuple(
        OtherDecoder(
            name=name,
            purpose=f"One of the pictures that may have been, number {number}: its texture is made up.",
            generates=True,
        )
        for number, name in enumerate(names_of_samples(SAMPLES), 1)
    ),
    experimental=True,
    codec="load:load",
    train_config="train_config:SketchTrainConfig",
    recipe="recipe:SketchRecipe",
    tiny="train_config:TINY",
    cost="cost:cost",
)
