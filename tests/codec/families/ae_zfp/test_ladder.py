"""Which model serves which quality: presets that share them, or one for all."""

from __future__ import annotations

import numpy as np
import pytest

from codec.bench.balance import balances
from codec.contract import EncodeOptions
from codec.families.ae_zfp.bitstream import parse_payload
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.families.ae_zfp.ladder import NO_NUMBER, OwnLadder
from codec.families.ae_zfp.unrounded import unrounded
from codec.registry import load_codec, preset_weights
from tests.support.photographs import picture

IMAGE = picture(64, 80)


@pytest.fixture(scope="module")
def of_25x() -> AutoEncoderZfp:
    codec = load_codec("ae-zfp-1", device="cpu", encode_with=preset_weights("ae-zfp-1", "25x"))
    assert isinstance(codec, AutoEncoderZfp)
    return codec


def test_one_model_serves_all_qualities_and_the_shared_ladder_decodes_it(
    of_25x: AutoEncoderZfp, ae_zfp: AutoEncoderZfp
) -> None:
    encoded = [of_25x.encode([IMAGE], EncodeOptions(quality=quality))[0] for quality in (0.0, 31.5, 63.0)]
    sizes = [len(one.payload) for one in encoded]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 3 * sizes[0]
    header, _ = parse_payload(encoded[1].payload)
    assert header.preset == NO_NUMBER
    assert list(of_25x.weights) == [f"{header.weights_digest.hex()}.safetensors"]
    assert isinstance(of_25x.encoder.ladder, OwnLadder)
    _, step = of_25x.encoder.ladder.at(of_25x.default_quality)
    assert step == pytest.approx(of_25x.encoder.ladder.own.config.quantiser.step, rel=0.02)
    for one in encoded:
        assert np.array_equal(ae_zfp.decode([one.payload])[0].pixels, of_25x.decode([one.payload])[0].pixels)


def test_qualities_of_13x_and_97x_are_those_that_the_docs_name(ae_zfp: AutoEncoderZfp) -> None:
    ratios = [point.ratio for point in ae_zfp.index.qualities]
    for quality, ratio in ((55.3, 13), (8.7, 97)):
        assert np.interp(quality, range(64), ratios) == pytest.approx(ratio, rel=0.005)


def test_the_errors_of_model_and_rounding_are_told_apart(of_25x: AutoEncoderZfp) -> None:
    coarse, fine = balances(
        of_25x, lambda image, quality: unrounded(of_25x, image, quality), [IMAGE, IMAGE], (0, 63)
    )
    assert (coarse.model, coarse.images) == ("25x", 2)
    assert coarse.error_of_rounding > 4 * fine.error_of_rounding
    assert coarse.error_of_model < 2 * fine.error_of_model
    assert 0 < fine.share_of_rounding < coarse.share_of_rounding < 1
    assert coarse.error_of_model + coarse.error_of_rounding == pytest.approx(coarse.error)
    with pytest.raises(ValueError, match="at least one image"):
        balances(of_25x, lambda image, quality: unrounded(of_25x, image, quality), [], (0,))
