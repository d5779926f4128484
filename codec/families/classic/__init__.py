"""`classic-1`: the autoencoders of the research log, one payload for all, told apart by their weights."""

from __future__ import annotations

from typing import Final

from codec.family import Family, OtherDecoder

FAMILY: Final = Family(
    id="classic-1",
    package=__name__,
    summary="The autoencoders of the research log, from fully connected to pooled, all coded to real bytes.",
    source="This project's research log; factorised entropy model: Ballé et al. 2017, arXiv:1611.01704.",
    licence="Apache-2.0",
    decoders=(
        OtherDecoder(
            name="sampled",
            purpose="One of the digits that may have been, where few bits say which. Of digits-preserving alone.",
            generates=True,
        ),
    ),
    experimental=True,
    codec="load:load",
    train_config="train_config:ClassicTrainConfig",
    recipe="recipe:ClassicRecipe",
    tiny="train_config:TINY",
    cost="cost:cost",
)
