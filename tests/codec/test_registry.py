"""From an id to a codec, and what is wrong when there is none."""

from __future__ import annotations

import pytest
import torch

from codec.contract import DEFAULT_CODEC
from codec.device import resolve_device
from codec.errors import CodecConfigError, UnknownCodecError
from codec.families.ae_zfp.codec import FAMILY
from codec.registry import codec_ids, load_codec


def test_unknown_ids_list_the_known_ones() -> None:
    with pytest.raises(UnknownCodecError, match="expected a codec of hyper-1, ae-zfp-1; got 'jpeg2000'"):
        load_codec("jpeg2000")
    assert codec_ids() == [DEFAULT_CODEC, FAMILY]


@pytest.mark.parametrize("device", ["tpu", "", "mps", "cuda:x"])
def test_devices_that_are_none_are_refused(device: str) -> None:
    with pytest.raises(CodecConfigError, match="expected device auto, cpu, cuda or cuda:n"):
        resolve_device(device)


def test_a_gpu_that_is_not_here_is_refused() -> None:
    with pytest.raises(CodecConfigError, match="is not here: torch sees"):
        resolve_device("cuda:31")


def test_auto_is_a_device_that_exists() -> None:
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
