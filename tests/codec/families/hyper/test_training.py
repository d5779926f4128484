"""How `hyper-1` trains: every parameter learns at its pace, every quality counts, and the weights can be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import codec.families.hyper.recipe
from codec.families.hyper.evaluate import evaluate
from codec.families.hyper.objective import objective, rate_distortion
from codec.families.hyper.recipe import HyperRecipe
from codec.families.hyper.train_config import HyperTrainConfig
from codec.families.hyper.weights import understand
from codec.training.config import TrainConfig
from codec.training.log import read_log
from codec.training.patch_source import PatchSource
from codec.training.recipe import BatchLoss
from codec.weights_file import parse_weights, read_weights, weights_bytes
from tests.support.devices import on_a_gpu
from tests.support.photographs import picture
from tests.support.training_runs import pictures, tiny, train

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _tables_of_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """How well tables fit is no matter here, and fitting them takes longest."""
    monkeypatch.setattr(codec.families.hyper.recipe, "_FIT_CROPS", 1)


def recipe_of(config: TrainConfig) -> HyperRecipe:
    assert isinstance(config, HyperTrainConfig)
    return HyperRecipe(config, CPU)


def test_every_parameter_is_in_one_group() -> None:
    recipe = recipe_of(tiny("hyper-1"))
    model = recipe.build()
    groups = recipe.groups(model)
    assert sorted(id(p) for g in groups for p in g.parameters) == sorted(id(p) for p in model.parameters())
    by_scale = {group.scale: group for group in groups if not group.decays}
    assert {id(p) for p in by_scale[0.02].parameters} == {
        id(model.analysis.linear.weight),
        id(model.synthesis.linear.weight),
    }
    assert len(by_scale[10.0].parameters) == 2
    gains = (model.log_gain, model.hyper_analysis.log_gain)
    assert {id(p) for p in by_scale[1.0].parameters} == {id(gain.anchors_AC) for gain in gains}


def test_the_objective_reaches_every_parameter_and_is_finite_at_both_ends() -> None:
    crops = pictures()
    recipe = recipe_of(tiny("hyper-1"))
    torch.manual_seed(0)
    model = recipe.build()
    recipe.begin(model, crops, [], None)
    rgb_BCHW = PatchSource(crops, CPU).draw(3, 64, np.random.default_rng(0))
    for bfloat16 in (False, True):
        model.zero_grad()
        noise = torch.Generator().manual_seed(0)
        loss = objective(model, rgb_BCHW, torch.tensor([0.0, 31.4, 63.0]), noise, bfloat16=bfloat16)
        loss.total.backward()  # type: ignore[no-untyped-call]
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name
        assert 0.0 < float(loss.parts["bpp"]) < 24.0
        assert 0.0 < float(loss.parts["mse"]) < 0.1


def test_a_picture_whose_latents_miss_those_of_its_payload_costs_as_much_as_is_asked() -> None:
    crops = pictures()
    recipe = recipe_of(tiny("hyper-1"))
    model = recipe.build()
    recipe.begin(model, crops, [], None)
    rgb_BCHW = PatchSource(crops, CPU).draw(2, 64, np.random.default_rng(0))
    quality_B = torch.tensor([10.0, 50.0])

    def loss(second_generation: float) -> BatchLoss:
        noise = torch.Generator().manual_seed(0)
        return objective(
            model, rgb_BCHW, quality_B, noise, bfloat16=False, second_generation=second_generation
        )

    assert float(loss(3.0).parts["beside"]) < 1e-6, (
        "the linear paths that a model begins with undo each other"
    )
    with torch.no_grad():
        model.synthesis.linear.weight.mul_(1.1)
    plain, asked = loss(0.0), loss(3.0)
    assert "beside" not in plain.parts
    assert float(asked.parts["beside"]) > 1e-3
    costs = float((asked.total - plain.total).detach())
    assert costs == pytest.approx(3.0 * float(asked.parts["beside"]), rel=1e-3)


def test_rate_and_distortion_are_weighed_in_the_units_of_the_literature() -> None:
    bpp, mse = torch.tensor([0.5]), torch.tensor([1.0 / 65025.0])
    lowest = 0.0012
    assert float(rate_distortion(bpp, mse, torch.tensor([0.0]))) == pytest.approx(
        (0.5 + lowest) / lowest**0.5, rel=1e-5
    )


def test_evaluations_are_repeatable_and_quality_buys_pixels() -> None:
    crops = pictures()
    recipe = recipe_of(tiny("hyper-1"))
    model = recipe.build()
    recipe.begin(model, crops, [], None)
    images = [picture(130, 100), picture(64, 64)]
    before = torch.random.get_rng_state()
    first, second = (evaluate(model, images, (0, 30, 60), bfloat16=False) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.points == second.points
    assert [point.label for point in first.points] == ["q00", "q30", "q60"]
    assert [p.bpp for p in first.points] == sorted(p.bpp for p in first.points)
    assert [p.psnr_db for p in first.points] == sorted(p.psnr_db for p in first.points)
    assert [shown.shape for shown in first.shown] == [(128, 64, 3)] * 3


def test_training_mends_a_faded_model(tmp_path: Path) -> None:
    crops = pictures()
    start = train(tiny("hyper-1", steps=1), lambda: crops, out=tmp_path / "start").weights
    file = read_weights(start)
    file.tensors["synthesis.linear.weight"] *= 0.9
    start.write_bytes(weights_bytes(file.config, file.tensors))
    config = tiny(
        "hyper-1",
        steps=60,
        evaluate_every=60,
        optimiser={"warmup_steps": 2, "linear_scale": 1.0, "ema_decay": 0.5},
    )
    trained = train(config, lambda: crops, out=tmp_path / "run", start_from=start)
    first, last = [row for row in read_log(tmp_path / "run") if row["kind"] == "evaluate"]
    assert last["loss"] < 0.93 * first["loss"]
    weights = understand(parse_weights(trained.weights.read_bytes(), where="here"))
    assert weights.config.name == "tiny"
    assert weights.config.recipe["steps_done"] == 60


def test_a_wider_model_takes_what_fits(tmp_path: Path) -> None:
    base = train(tiny("hyper-1", steps=2), pictures, out=tmp_path / "base").weights
    still = {"learning_rate": 1e-9, "warmup_steps": 0}
    model = tiny("hyper-1").model_dump()["model"] | {"slices": [8, 16, 8], "width": 24}
    wide = tiny("hyper-1", steps=1, model=model, optimiser=still)
    tuned = train(wide, pictures, out=tmp_path / "wide", start_from=base)
    old, new = read_weights(base).tensors, read_weights(tuned.weights).tensors
    torch.testing.assert_close(new["analysis.linear.weight"][:24], old["analysis.linear.weight"])
    assert new["analysis.linear.weight"].shape[0] == 32
    assert new["analysis.stem.weight"].shape[0] == 24
    torch.testing.assert_close(new["analysis.stem.weight"][:16], old["analysis.stem.weight"])


@on_a_gpu
@pytest.mark.filterwarnings("ignore:TensorFloat32")  # which float32 products are not to use
def test_a_compiled_forward_pass_learns_the_same(device: str, tmp_path: Path) -> None:
    runs = {name: tiny("hyper-1", steps=3, compile=name == "compiled") for name in ("compiled", "plain")}
    losses = {}
    for name, config in runs.items():
        train(config, pictures, out=tmp_path / name, device=torch.device(device))
        losses[name] = [row["loss"] for row in read_log(tmp_path / name) if row["kind"] == "train"]
    assert losses["compiled"] == pytest.approx(losses["plain"], rel=0.02)
