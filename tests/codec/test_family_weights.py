"""Which weights files a codec loads: the one to encode with must be whole and this family's; others are passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import torch
from safetensors.torch import load, save

from codec import family
from codec.errors import CodecError, WeightsError
from codec.family_weights import load_weights, weights_beside
from codec.registry import families, load_codec, preset_weights
from codec.weights_file import SUFFIX, WeightsFile, config_of, digest_of, weights_bytes

SMALL: Final = preset_weights("standard-1", "recover")
OLDEST: Final = preset_weights("ae-zfp-1", "100x")
"""Files of this family do not name it."""


@pytest.mark.parametrize("codec_id", families())
def test_a_family_refuses_the_weights_of_another_by_name(codec_id: str) -> None:
    other = OLDEST if codec_id == "standard-1" else SMALL
    with pytest.raises(WeightsError, match=f"^expected weights of {codec_id}, got .*given to encode with"):
        load_codec(codec_id, device="cpu", encode_with=other)


@pytest.mark.parametrize("codec_id", families())
def test_damaged_weights_to_encode_with_are_an_error_of_ours(codec_id: str) -> None:
    for damaged in (b"", SMALL[:40], SMALL.replace(b"tenfold", b"tenfald", 1)):
        with pytest.raises(CodecError, match="given to encode with"):
            load_codec(codec_id, device="cpu", encode_with=damaged)


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (lambda t: t / 0, "numbers that are not finite"),
        (lambda t: t.to(torch.complex64), "of torch.complex64"),
    ],
)
def test_weights_of_numbers_that_are_none_are_refused_by_name(
    spoilt: Callable[[torch.Tensor], torch.Tensor], words: str
) -> None:
    tensors = load(SMALL)
    name = next(name for name, tensor in tensors.items() if tensor.is_floating_point())
    tensors[name] = spoilt(tensors[name] + 1)
    data = save(tensors, metadata={"tenfold": config_of(SMALL, where="")})
    with pytest.raises(WeightsError, match=f"damaged: {name} .*{words}"):
        load_codec("standard-1", device="cpu", encode_with=data)


def digest(file: WeightsFile) -> bytes:
    return file.digest


def test_what_is_beside_the_weights_to_encode_with_may_be_damaged_and_is_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = families()["standard-1"]
    monkeypatch.setattr(family, "_SHIPPED", tmp_path)
    one.shipped.mkdir()
    one.weights_path("good").write_bytes(SMALL)
    one.weights_path("bad").write_bytes(SMALL[:-40])
    found = load_weights(one, digest, default="good", own=None, others=[SMALL, OLDEST, OLDEST, b"nothing"])
    assert (found.own, found.others) == (digest_of(SMALL), [digest_of(OLDEST)])
    found = load_weights(one, digest, default="bad", own=OLDEST, others=())
    assert (found.own, found.others) == (digest_of(OLDEST), [digest_of(SMALL)])
    for missing in ("bad", "none"):
        with pytest.raises(WeightsError, match=f"{missing}{SUFFIX}"):
            load_weights(one, digest, default=missing, own=None, others=())
    assert weights_beside(tmp_path / "nowhere", (), digest, loaded=()) == []


def test_a_weight_beyond_float16_is_refused_by_name() -> None:
    with pytest.raises(WeightsError, match=r"range of float16, \+-65,504, got 70000 in wide"):
        weights_bytes("{}", {"narrow": torch.ones(2), "wide": torch.tensor([1.0, -7e4])})
