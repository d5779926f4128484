"""`hyper-1`: one variable-rate model, its entropy coded by tables that integers alone pick."""

from __future__ import annotations

from typing import Final

from codec.family import Family, OtherDecoder, Training

FAMILY: Final = Family(
    id="hyper-1",
    package=__name__,
    summary="One variable-rate model with a hyperprior for all qualities; its symbols are equal on every machine.",
    source="Ballé et al. 2018, arXiv:1802.01436 (hyperprior); Minnen and Singh 2020, arXiv:2007.08739 (slices).",
    licence="Apache-2.0",
    searches=True,
    takes_maps=True,
    decoders=(
        OtherDecoder(
            name="realistic",
            purpose="More of the texture that few bits leave out, made up where they do not say it: to be looked at.",
            generates=True,
            strengths=(0.5,),
        ),
        OtherDecoder(
            name="consistent",
            purpose="A picture that is encoded as the same payload again, for those that go through the codec often.",
            generates=False,
        ),
    ),
    codec="load:load",
    train_config="train_config:HyperTrainConfig",
    recipe="recipe:HyperRecipe",
    tiny="train_config:TINY",
    trains={
        "encoder": Training(
            train_config="encoders.train_config:EncoderTrainConfig",
            recipe="encoders.recipe:EncoderRecipe",
            tiny="encoders.train_config:TINY",
        ),
        "labels": Training(
            train_config="heads.train_config:LabelsTrainConfig",
            recipe="heads.recipe:LabelsRecipe",
            tiny="heads.train_config:TINY",
        ),
        "realistic": Training(
            train_config="decoders.realistic.train_config:RealisticTrainConfig",
            recipe="decoders.realistic.recipe:RealisticRecipe",
            tiny="decoders.realistic.train_config:TINY",
        ),
    },
    cost="cost:cost",
)
