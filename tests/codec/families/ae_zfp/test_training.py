"""How `ae-zfp-1` trains: it learns, its rate estimate follows real bytes, its presets become 64 qualities."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from codec.families.ae_zfp.calibrate import build_index, step_for, target_ratio
from codec.families.ae_zfp.config import ModelConfig
from codec.families.ae_zfp.initialise import slow_channels
from codec.families.ae_zfp.model import AutoEncoder
from codec.families.ae_zfp.objective import estimate_bits, objective
from codec.families.ae_zfp.quantise import add_left, quantise, subtract_left, to_symbols
from codec.families.ae_zfp.train_config import LossConfig
from codec.families.ae_zfp.weights import load_weights
from codec.families.ae_zfp.zfp import encode_symbols
from codec.training.config import Objective
from codec.training.karhunen_loeve import fit_transform
from codec.training.log import read_log
from codec.weights_file import weights_bytes
from tests.support.training_runs import pictures, tiny, train


def test_training_mends_a_faded_model_and_meets_the_ratio(tmp_path: Path) -> None:
    crops = pictures()
    faded = load_weights(train(tiny("ae-zfp-1", steps=1), lambda: crops, out=tmp_path / "start").weights)
    faded.model.synthesis.weight.mul_(0.9)
    start = tmp_path / "faded.safetensors"
    start.write_bytes(weights_bytes(faded.config.model_dump_json(), faded.model.state_dict()))
    config = tiny(
        "ae-zfp-1",
        steps=24,
        evaluate_every=8,
        ratio=90.0,
        start_step=0.13,
        optimiser={"warmup_steps": 2, "linear_scale": 1.0, "ema_decay": 0.5},
    )
    trained = train(config, lambda: crops, out=tmp_path / "run", start_from=start)
    first, *_, last = [row for row in read_log(tmp_path / "run") if row["kind"] == "evaluate"]
    assert last["ratio"] == pytest.approx(90.0, rel=0.15)
    assert last["points"][0]["psnr_db"] > first["points"][0]["psnr_db"] + 1.5
    weights = load_weights(trained.weights)
    assert weights.config.preset == "30x"
    assert weights.config.recipe["steps_done"] == 24
    assert weights.config.recipe["reached"] == {
        k: last[k] for k in ("step", "points", "ratio", "quantiser_step")
    }
    assert weights.config.quantiser.step == pytest.approx(last["quantiser_step"], abs=1e-5)


def test_a_run_is_told_what_to_keep() -> None:
    torch.manual_seed(0)
    model = AutoEncoder(ModelConfig(latent_channels=32, encoder_blocks=0, decoder_blocks=0))
    rgb_BCHW, step_B = torch.rand(2, 3, 64, 64), torch.full((2,), 0.1)

    def total(loss: LossConfig) -> float:
        return objective(model, rgb_BCHW, step_B, 0.1, (), loss).total.item()

    losses = {name: total(LossConfig(objective=name)) for name in get_args(Objective)}
    assert losses["mse"] == total(LossConfig(ssim_share=0.0))
    assert losses["ssim"] < losses["mixed"] < losses["mse"]


def test_slow_channels_are_the_coarse_ones() -> None:
    crops = pictures()
    slow = slow_channels(crops, fit_transform(crops, seed=0).basis_CK, seed=0)
    assert 0 in slow
    assert max(slow) < 100


def test_the_rate_estimate_follows_real_bytes() -> None:
    rng = np.random.default_rng(0)
    real: list[float] = []
    estimated: list[float] = []
    for scale in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0):
        values = rng.laplace(size=(16, 16, 256)) * np.exp(-np.arange(256) / 30.0) * scale
        symbols = quantise(torch.from_numpy(values), 1.0, 0.1).to(torch.int16).numpy()
        real.append(len(encode_symbols(symbols.reshape(-1, 256))) * 8 / 256)
        latents = torch.from_numpy(values).permute(2, 0, 1)[None].float()
        estimated.append(float(estimate_bits(latents, ())[0]))
    assert real == sorted(real)
    assert float(np.corrcoef(real, estimated)[0, 1]) > 0.99


def test_quantiser_has_its_dead_zone() -> None:
    values = torch.tensor([0.0, 0.6, -0.6, 0.7, -0.7, 1.6, -1.7, 1e9, -1e9])
    expected = [0.0, 0.0, 0.0, 1.0, -1.0, 1.0, -2.0, 8191.0, -8191.0]
    assert quantise(values, 1.0, 0.15).tolist() == expected


def test_left_differences_are_undone() -> None:
    symbols = np.random.default_rng(0).integers(-8191, 8192, (7, 9, 4)).astype(np.int16)
    coded = subtract_left(symbols.copy(), (0, 2))
    assert not np.array_equal(coded, symbols)
    assert np.array_equal(add_left(coded, (0, 2)), symbols)


def test_qualities_meet_their_ratios() -> None:
    curves = {
        f"{r}x": [(0.01 * r * k, r * k) for k in (0.6, 0.8, 1.0, 1.25, 1.7)] for r in (122, 100, 60, 25, 10)
    }
    index = build_index(curves, "made up")
    assert index.presets == ("122x", "100x", "60x", "25x", "10x")
    assert index.preset_quality == {"122x": 3, "100x": 8, "60x": 20, "25x": 41, "10x": 61}
    for quality, point in enumerate(index.qualities):
        assert point.ratio == pytest.approx(target_ratio(quality), rel=1e-3)
        assert point.step == pytest.approx(0.01 * point.ratio, rel=1e-3)
    assert step_for(400.0, curves["122x"]) == pytest.approx(4.0)


def test_tails_are_cut_only_where_they_cost_more_than_they_give() -> None:
    values = np.zeros((4, 1, 1, 300), np.float32)
    values[0, 0, 0, [0, 100]] = 3.0, 0.9  # one far away: 0.8 squared steps for 101 bits
    values[1, 0, 0, [0, 1]] = 3.0, 1.4  # its neighbour: 1.8 squared steps for 2 bits
    values[2, 0, 0, [0, 100]] = 3.0, 2.0  # far away, but not small
    values[3, 0, 0, [90, 290]] = 0.9, 0.9  # alone in its block, both blocks
    latents = torch.from_numpy(values).permute(1, 3, 0, 2)
    untouched = to_symbols(latents, 1.0, 0.1, 0.0)[:, 0]
    cut = to_symbols(latents, 1.0, 0.1, 0.14)[:, 0]
    assert np.count_nonzero(untouched, axis=1).tolist() == [2, 2, 2, 2]
    assert np.flatnonzero(cut[0]).tolist() == [0]
    assert np.flatnonzero(cut[1]).tolist() == [0, 1]
    assert np.flatnonzero(cut[2]).tolist() == [0, 100]
    assert not cut[3].any()
    assert np.array_equal(cut[:3, 0], untouched[:3, 0])
