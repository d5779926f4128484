"""`recurrent-1`: two recurrent networks that send a picture again and again, each time what is still missing."""

from __future__ import annotations

from typing import Final

from codec.family import Family

FAMILY: Final = Family(
    id="recurrent-1",
    package=__name__,
    summary="Two recurrent networks send what is still missing, iteration by iteration; every prefix is a picture.",
    source="Toderici et al. 2017, Full Resolution Image Compression with Recurrent Neural Networks, arXiv:1608.05148; "
    "priming and adaptive stop: Johnston et al. 2018, arXiv:1703.10114.",
    licence="Apache-2.0",
    experimental=True,
    codec="load:load",
    train_config="train_config:RecurrentTrainConfig",
    recipe="recipe:RecurrentRecipe",
    tiny="train_config:TINY",
    cost="cost:cost",
)
