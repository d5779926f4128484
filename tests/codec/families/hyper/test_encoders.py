"""Smaller encoders: channels that fade and are cut, training beside a codec that does not learn, files and payloads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.contract import EncodeOptions
from codec.entropy.tables import laplace_tables
from codec.errors import CodecConfigError, WeightsError
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.config import EncoderShape
from codec.families.hyper.encoders.shrinking import Shrinking
from codec.families.hyper.encoders.weights import export_encoder
from codec.families.hyper.load import load
from codec.families.hyper.transforms import Analysis
from codec.families.hyper.weights import Weights, export, understand
from codec.registry import recipe_for
from codec.training.session import Session
from codec.weights_file import digest_of, parse_weights, read_weights, weights_name
from tests.support import training_runs
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU, TINY, busy_model
from tests.support.training_runs import pictures, train

SMALL = EncoderShape(width=8, hidden=(16, 8))
STEPS = 4


@pytest.fixture
def shrinking() -> Shrinking:
    """The busy model's encoder, of which nothing fades yet."""
    model = Shrinking(TINY, begun=TINY.encoder, ends=SMALL)
    model.analysis.load_state_dict(busy_model().analysis.state_dict())
    return model


def test_channels_fade_from_the_least_important_on_and_are_cut_without_a_jump(shrinking: Shrinking) -> None:
    x_BCHW = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) - 0.5
    importance = {group: torch.randperm(len(mask)).float() for group, mask in shrinking.masks(0.0).items()}
    shrinking.fade(importance)
    with torch.no_grad():
        own = busy_model().analysis(x_BCHW)
        begun, ended = (shrinking.masked(shrinking.masks(faded))(x_BCHW) for faded in (0.0, 1.0))
        cut = shrinking.cut()(x_BCHW)
    assert torch.equal(begun, own)
    torch.testing.assert_close(ended, cut, atol=1e-5, rtol=1e-5)
    assert (cut - own).abs().max() > 0.1
    for group, mask in shrinking.masks(0.5).items():
        by_importance = mask[importance[group].argsort()]
        assert torch.equal(by_importance, by_importance.sort().values)
        assert by_importance[0] == 0.0


def test_a_resumed_run_equals_an_uninterrupted_one_and_only_the_deep_branch_learns(tmp_path: Path) -> None:
    data = export(busy_model(), laplace_tables(), name="busy", recipe={})
    (codec := tmp_path / "busy.safetensors").write_bytes(data)
    config = training_runs.tiny(
        "hyper-1",
        trains="encoder",
        codec=str(codec),
        encoder=SMALL.model_dump(),
        steps=STEPS,
        evaluate_every=STEPS,
        evaluate_crops=1,
        checkpoint_minutes=0.0,
    )
    crops = pictures()
    trained = train(config, lambda: crops, out=tmp_path / "whole", workers=2)
    train(config, lambda: crops, out=tmp_path / "parts", session=Session(steps=STEPS // 2), workers=2)
    resumed = train(config, lambda: crops, out=tmp_path / "parts", resume=True, workers=2)
    assert resumed.weights.read_bytes() == trained.weights.read_bytes()

    file = read_weights(trained.weights)
    says = json.loads(file.config)
    assert (says["role"], says["for"]) == ("encoder", digest_of(data).hex())
    assert {name.partition(".")[0] for name in file.tensors} == {"stem", "blocks", "head"}

    further = recipe_for(training_runs.tiny("hyper-1", **(config.model_dump() | {"shrink": None})), CPU)
    begun = further.build()
    further.begin(begun, crops, [], trained.weights)
    assert torch.equal(begun.analysis.stem.weight.half(), file.tensors["stem.weight"])
    further.begin(begun := further.build(), crops, [], None)
    assert not begun.analysis.head.weight.any(), "from nothing is from the linear path alone"
    assert torch.equal(begun.analysis.linear.weight, busy_model().analysis.linear.weight.half().float())
    wide = training_runs.tiny(
        "hyper-1", **(config.model_dump() | {"encoder": {"width": 8, "hidden": [16, 33]}})
    )
    with pytest.raises(
        CodecConfigError, match=r"at most \(32, 32\) hidden channels, .* got 8 and \(16, 33\)"
    ):
        recipe_for(wide, CPU)
    with pytest.raises(WeightsError, match="expected no weights to start from"):
        recipe_for(config, CPU).begin(further.build(), crops, [], trained.weights)


def test_what_a_smaller_encoder_writes_is_the_codecs(tiny: Weights) -> None:
    torch.manual_seed(0)
    encoder = Analysis(TINY, SMALL)
    torch.nn.init.normal_(encoder.head.weight, std=0.1)
    data = export_encoder(encoder, payloads_of=tiny.digest, shape=SMALL, name="quick", recipe={})
    quick = load(device=CPU, own=data, others=[tiny.data])
    image = picture(90, 70, 3)
    encoded, usual = (
        codec.encode([image], EncodeOptions(quality=30))[0] for codec in (quick, HyperCodec(tiny, device=CPU))
    )
    assert encoded.payload != usual.payload
    (seen,) = HyperCodec(tiny, device=CPU).decode([encoded.payload])
    assert seen.symbols_crc32 == encoded.symbols_crc32
    assert np.array_equal(seen.pixels, quick.decode([encoded.payload])[0].pixels)
    assert set(quick.weights) == {weights_name(tiny.digest)}, "payloads need the codec's weights alone"

    with pytest.raises(
        WeightsError, match=f"expected the weights {tiny.digest.hex()}, .* got [0-9a-f]{{16}}$"
    ):
        load(device=CPU, own=data, others=())
    with pytest.raises(WeightsError, match=r"expected a codec's own weights, got an encoder .*--weights"):
        understand(parse_weights(data, where="the test"))
