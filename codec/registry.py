"""From a codec's id to a codec with its weights loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from codec.ae_zfp.codec import FAMILY as AE_ZFP
from codec.ae_zfp.codec import AutoEncoderZfp
from codec.ae_zfp.weights import understand as understand_ae_zfp
from codec.contract import Codec
from codec.device import resolve_device
from codec.errors import ConfigError, UnknownCodecError
from codec.hyper.codec import HyperCodec
from codec.hyper.weights import FAMILY as HYPER
from codec.hyper.weights import load_own
from codec.hyper.weights import understand as understand_hyper
from codec.weights_file import understood

DEFAULT_CODEC: Final = HYPER


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
        raise ConfigError(
            f"{codec_id} takes no --weights; it encodes with its five shipped presets. Choose --codec {HYPER}"
        )
    return AutoEncoderZfp(device=where, further=understood(weights, understand_ae_zfp))
