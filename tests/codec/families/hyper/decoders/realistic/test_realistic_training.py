"""The realistic decoder's training: two players, each with an objective of its own, and a codec that does not learn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from codec.entropy.tables import laplace_tables
from codec.families.hyper.decoders.weights import understand_decoder
from codec.families.hyper.weights import export
from codec.registry import recipe_for
from codec.training.checkpoint import load_checkpoint
from codec.training.config import TrainConfig
from codec.training.hatch import standing_out
from codec.training.session import Session
from codec.weights_file import digest_of, read_weights
from tests.support.tiny_hyper import busy_model
from tests.support.training_runs import pictures, tiny, train

STEPS = 2


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("codec") / "busy.safetensors"
    path.write_bytes(export(busy_model(), laplace_tables(), name="busy", recipe={}))
    return path


@pytest.fixture(scope="module")
def config(codec: Path) -> TrainConfig:
    return tiny(
        "hyper-1",
        trains="realistic",
        codec=str(codec),
        batch=1,
        patch=192,
        steps=STEPS,
        evaluate_every=STEPS,
        evaluate_crops=1,
        checkpoint_minutes=0.0,
        data={"crop": 192},
    )


def test_a_resumed_run_of_two_players_equals_an_uninterrupted_one(
    config: TrainConfig, codec: Path, tmp_path: Path
) -> None:
    crops = pictures(192)  # as large as a patch
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trained = train(config, lambda: crops, out=whole)
    train(config, lambda: crops, out=parts, session=Session(steps=STEPS // 2))
    begun = load_checkpoint(parts)
    resumed = train(config, lambda: crops, out=parts, resume=True)
    assert resumed.weights.read_bytes() == trained.weights.read_bytes()

    ended, again = load_checkpoint(whole), load_checkpoint(parts)
    assert begun is not None
    assert ended is not None
    assert again is not None
    for name, tensor in ended.model.items():
        assert torch.equal(tensor, again.model[name])
        learns = name.startswith(("critic.", "decoder.drawn."))
        assert learns != torch.equal(tensor, begun.model[name]), name

    file = read_weights(trained.weights)
    stored_config = json.loads(file.config)
    assert (stored_config["decoder"], stored_config["for"]) == (
        "realistic",
        digest_of(codec.read_bytes()).hex(),
    )
    assert stored_config["recipe"]["trained_on"] == ["spectral peaks"]
    assert understand_decoder(file).config.generates

    recipe = recipe_for(config, torch.device("cpu"))
    players = recipe.build()
    recipe.begin(players, crops, [], trained.weights)
    for name, tensor in players.decoder.drawn.state_dict().items():
        assert torch.equal(tensor.half(), file.tensors[f"drawn.{name}"]), name


def test_a_hatch_stands_out_and_grain_does_not() -> None:
    torch.manual_seed(0)
    flat = torch.randn(2, 128, 128)
    hatch = 2.0 * torch.sin(torch.arange(128.0) * 2.0 * torch.pi * 3.0 / 8.0).expand(2, 128, 128)
    assert standing_out(flat + 2.0 * torch.randn(2, 128, 128), flat) < 0.05
    assert standing_out(flat + hatch, flat) > 0.2
    assert standing_out((flat + hatch).mT, flat) > 0.2
