"""`standard-1`: an ordinary picture file that any viewer opens, with a network before it, after it, or both."""

from __future__ import annotations

from typing import Final

from codec.family import Family

FAMILY: Final = Family(
    id="standard-1",
    package=__name__,
    summary="An ordinary picture file (JPEG; WebP or AVIF), which any viewer opens, between two small networks.",
    source="ComCNN and RecCNN: Jiang et al. 2017, arXiv:1708.00838; pre-editing: Talebi et al. 2020, arXiv:2002.00113.",
    licence="Apache-2.0",
    experimental=True,
    codec="load:load",
    train_config="train_config:StandardTrainConfig",
    recipe="recipe:StandardRecipe",
    tiny="train_config:TINY",
    cost="cost:cost",
)
