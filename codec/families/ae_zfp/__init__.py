"""`ae-zfp-1`: a convolutional autoencoder whose latents are coded by ZFP."""

from __future__ import annotations

from typing import Final

from codec.family import Family

FAMILY: Final = Family(
    id="ae-zfp-1",
    package=__name__,
    summary="A convolutional autoencoder whose latents ZFP codes; five models share the qualities between them.",
    source="ZFP: Lindstrom 2014, Fixed-Rate Compressed Floating-Point Arrays; the autoencoder is this project's own.",
    licence="Apache-2.0",
    presets_share=True,
    alone=("13x",),
    codec="load:load",
    train_config="train_config:AeZfpTrainConfig",
    recipe="recipe:AeZfpRecipe",
    unrounded="unrounded:unrounded",
    tiny="train_config:TINY",
    cost="cost:cost",
)
