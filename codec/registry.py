"""From a codec's id to a codec with its weights loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch

from codec.contract import DEFAULT_CODEC, Codec
from codec.device import resolve_device
from codec.errors import CodecConfigError, UnknownCodecError
from codec.families.ae_zfp.codec import FAMILY as AE_ZFP
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.families.ae_zfp.weights import understand as understand_ae_zfp
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.weights import FAMILY as HYPER
from codec.families.hyper.weights import load_own
from codec.families.hyper.weights import understand as understand_hyper
from codec.training.config import TrainConfig
from codec.training.recipe import Recipe
from codec.weights_file import understood


def codec_ids() -> list[str]:
    """Ids that `load_codec` takes."""
    return [HYPER, AE_ZFP]


def load_codec(
    codec_id: str = DEFAULT_CODEC,
    *,
    device: str = "auto",
    weights: Sequence[bytes] = (),
    encode_with: bytes | None = None,
) -> Codec:
    """A codec with its shipped weights, resident on `device`: auto (a GPU when there is one), cpu, cuda, cuda:n.

    Args:
        weights: further weights files that payloads may have been made with. One that the codec does not
            understand is passed over: decoding a payload that needs it raises UnknownWeightsError.
        encode_with: a weights file to encode with instead of the shipped one.
    Raises:
        UnknownCodecError: no codec has that id.
        ConfigError: there is no such device here, or this codec encodes with its shipped weights only.
        WeightsError: the shipped weights are missing or damaged.
    """
    if codec_id not in codec_ids():
        raise UnknownCodecError(f"expected a codec of {', '.join(codec_ids())}; got {codec_id!r}")
    where = resolve_device(device)
    if codec_id == HYPER:
        return HyperCodec(load_own(encode_with), understood(weights, understand_hyper), device=where)
    if encode_with is not None:
        raise CodecConfigError(
            f"{codec_id} takes no --weights; it encodes with its five shipped presets. Choose --codec {HYPER}"
        )
    return AutoEncoderZfp(device=where, further=understood(weights, understand_ae_zfp))


FAMILIES: Final = ("ae-zfp-1", "hyper-1")


def config_type(family: object) -> type[TrainConfig]:
    """The config that a family's runs are told.

    Raises:
        ConfigError: there is no such family, or none was named.
    """
    if family == "ae-zfp-1":
        from codec.families.ae_zfp.recipe import AeZfpTrainConfig

        return AeZfpTrainConfig
    if family == "hyper-1":
        from codec.families.hyper.recipe import HyperTrainConfig

        return HyperTrainConfig
    raise CodecConfigError(f"expected `family: {' or '.join(FAMILIES)}`, got {family!r}")


def recipe_for(config: TrainConfig, device: torch.device) -> Recipe[Any]:
    """The recipe that a config is of."""
    if config.family == "ae-zfp-1":
        from codec.families.ae_zfp.recipe import AeZfpRecipe, AeZfpTrainConfig

        assert isinstance(config, AeZfpTrainConfig)
        return AeZfpRecipe(config, device)
    from codec.families.hyper.recipe import HyperRecipe, HyperTrainConfig

    assert isinstance(config, HyperTrainConfig)
    return HyperRecipe(config, device)
