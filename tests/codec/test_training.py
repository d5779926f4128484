"""The trainer: learns, resumes exactly, refuses what cannot work."""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from codec.ae_zfp.calibrate import build_index, step_for, target_ratio
from codec.ae_zfp.model import ModelConfig
from codec.ae_zfp.objective import estimate_bits
from codec.ae_zfp.quantise import add_left, quantise, subtract_left, to_symbols
from codec.ae_zfp.weights import load_weights
from codec.ae_zfp.zfp import encode_symbols
from codec.errors import ConfigError, TrainingError
from codec.training import trainer
from codec.training.config import LossConfig, OptimiserConfig, TrainConfig, load_config
from codec.training.data import Crops, draw_patches, load_crops, photo_of
from codec.training.start import fit_transform
from codec.training.trainer import Progress, train
from codec.weights_file import weights_bytes
from tests.codec.conftest import picture

CONFIGS = Path(__file__).parents[2] / "configs" / "train"


@pytest.fixture(scope="module")
def crops() -> Crops:
    """Eight photographs' worth of small pictures."""
    names = tuple(f"photo{i // 2}-{i % 2}.png" for i in range(16))
    return Crops(names=names, pixels=tuple(picture(96, 112, seed) for seed in range(16)))


def tiny(**changes: object) -> TrainConfig:
    """A run of a few seconds."""
    values: dict[str, object] = {
        "preset": "30x",
        "ratio": 30.0,
        "model": ModelConfig(
            latent_channels=64, encoder_width=16, encoder_blocks=1, decoder_width=16, decoder_blocks=2
        ),
        "steps": 12,
        "batch": 4,
        "patch": 64,
        "held_back": 0.2,
        "evaluate_every": 4,
        "evaluate_crops": 2,
        "checkpoint_every": 4,
        "log_every": 2,
        "optimiser": OptimiserConfig(warmup_steps=2),
        "loss": LossConfig(jitter_octaves=0.25),
    }
    return TrainConfig.model_validate(values | changes)


@pytest.fixture(autouse=True, scope="module")
def _fit_once() -> Iterator[None]:
    """Most tests here train on the same pictures: fit their transform once."""
    fitted: dict[tuple[str, ...], tuple[npt.NDArray[np.float64], tuple[int, ...]]] = {}

    def cached(crops: Crops, *, seed: int) -> tuple[npt.NDArray[np.float64], tuple[int, ...]]:
        if crops.names not in fitted:
            fitted[crops.names] = fit_transform(crops, seed=seed)
        return fitted[crops.names]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "fit_transform", cached)
        yield


def test_training_mends_a_faded_model_and_meets_the_ratio(crops: Crops, tmp_path: Path) -> None:
    faded = load_weights(train(tiny(steps=1), crops, out=tmp_path / "start"))
    faded.model.synthesis.weight.mul_(0.9)
    start = tmp_path / "faded.safetensors"
    start.write_bytes(weights_bytes(faded.config.model_dump_json(), faded.model.state_dict()))
    config = tiny(
        steps=24,
        evaluate_every=8,
        log_every=8,
        ratio=90.0,
        start_step=0.13,
        optimiser=OptimiserConfig(warmup_steps=2, linear_scale=1.0, ema_decay=0.5),
    )
    seen: list[Progress] = []
    path = train(config, crops, out=tmp_path / "run", start_from=start, on_progress=seen.append)
    assert [progress.step for progress in seen] == [8, 16, 24]
    assert seen[-1].ratio == pytest.approx(90.0, rel=0.15)
    assert seen[-1].seconds_left == 0.0
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    first = next(row for row in rows if row["kind"] == "evaluate")
    assert seen[-1].psnr_db > first["psnr_db"] + 1.5
    weights = load_weights(path)
    assert weights.config.preset == "30x"
    assert weights.config.recipe["steps_done"] == 24


def test_a_resumed_run_equals_an_uninterrupted_one(crops: Crops, tmp_path: Path) -> None:
    config = tiny()
    whole = train(config, crops, out=tmp_path / "whole")
    train(config, crops, out=tmp_path / "parts", stop_after=5)
    train(config, crops, out=tmp_path / "parts", resume=True, stop_after=3)
    parts = train(config, crops, out=tmp_path / "parts", resume=True)
    assert parts.read_bytes() == whole.read_bytes()


def test_a_killed_run_goes_on_from_its_checkpoint(
    crops: Crops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny()
    whole = train(config, crops, out=tmp_path / "whole")

    class Killed(BaseException):
        pass

    def fatal(progress: Progress) -> None:
        if progress.step == 10:
            raise Killed

    with pytest.raises(Killed):
        train(config, crops, out=tmp_path / "killed", on_progress=fatal)
    assert not (tmp_path / "killed" / "30x.safetensors").exists()
    killed = train(config, crops, out=tmp_path / "killed", resume=True)
    assert killed.read_bytes() == whole.read_bytes()
    logs = [(tmp_path / run / "log.jsonl").read_text() for run in ("whole", "killed")]
    assert logs[0] == logs[1]


def test_training_twice_gives_the_same_weights(crops: Crops, tmp_path: Path) -> None:
    first, second = (train(tiny(steps=4), crops, out=tmp_path / name) for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_fine_tuning_starts_from_other_weights(crops: Crops, tmp_path: Path) -> None:
    base = train(tiny(steps=20), crops, out=tmp_path / "base")
    wider = tiny(
        steps=1,
        model=ModelConfig(
            latent_channels=80, encoder_width=16, encoder_blocks=1, decoder_width=16, decoder_blocks=2
        ),
    )
    tuned = load_weights(train(wider, crops, out=tmp_path / "tuned", start_from=base)).model.state_dict()
    old = load_weights(base).model.state_dict()
    assert tuned["analysis.weight"].shape[0] == 80
    torch.testing.assert_close(tuned["analysis.weight"][:64], old["analysis.weight"], atol=5e-3, rtol=0.1)


def test_steps_that_are_not_finite_are_skipped(
    crops: Crops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = iter(range(100))

    def poisoned(*arguments: object, **options: object) -> torch.Tensor:
        patches = draw_patches(*arguments, **options)  # type: ignore[arg-type]
        return patches * math.nan if next(draws) == 2 else patches

    monkeypatch.setattr(trainer, "draw_patches", poisoned)
    path = train(tiny(steps=6), crops, out=tmp_path / "run")
    state = load_weights(path).model.state_dict()
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "skipped"] == [2]


def test_a_run_is_not_overwritten_and_not_continued_with_another_config(crops: Crops, tmp_path: Path) -> None:
    train(tiny(steps=2), crops, out=tmp_path)
    with pytest.raises(TrainingError, match="already holds a run at step 2; resume it"):
        train(tiny(steps=2), crops, out=tmp_path)
    with pytest.raises(TrainingError, match="another config"):
        train(tiny(steps=3), crops, out=tmp_path, resume=True)


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 half", b"\x80\x02junk"], ids=["empty", "cut", "pickle"]
)
def test_damaged_checkpoints_are_named(crops: Crops, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"checkpoint .* is damaged .* delete it"):
        train(tiny(), crops, out=tmp_path, resume=True)


def test_images_come_from_folders_and_tar_packs(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "deep"
    folder.mkdir(parents=True)
    Image.fromarray(picture(80, 90)).save(folder / "one-0.png")
    Image.fromarray(picture(80, 90)).save(folder / "two-0.jpg")
    Image.fromarray(picture(20, 90)).save(folder / "small-0.png")
    (folder / "broken-0.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image either")
    with tarfile.open(tmp_path / "data" / "pack.tar", "w") as pack:
        buffer = io.BytesIO()
        Image.fromarray(picture(70, 70)).save(buffer, "PNG")
        member = tarfile.TarInfo("three-0.png")
        member.size = len(buffer.getvalue())
        buffer.seek(0)
        pack.addfile(member, buffer)
    loaded = load_crops(tmp_path / "data", min_side=64)
    assert sorted(photo_of(name) for name in loaded.names) == ["one", "three", "two"]
    assert len(load_crops(tmp_path / "data" / "pack.tar", min_side=64)) == 1
    with pytest.raises(TrainingError, match="found 3 too small and 1 unreadable"):
        load_crops(folder, min_side=500)
    with pytest.raises(TrainingError, match="nothing is there"):
        load_crops(tmp_path / "nowhere", min_side=64)


def test_the_split_keeps_photographs_whole(crops: Crops) -> None:
    training, held_back = crops.split(0.25)
    assert len(training) + len(held_back) == len(crops)
    assert not {photo_of(n) for n in training.names} & {photo_of(n) for n in held_back.names}
    with pytest.raises(TrainingError, match="at least two photographs"):
        Crops(names=("a-0.png", "a-1.png"), pixels=crops.pixels[:2]).split(0.5)


def test_the_transform_is_orthonormal_and_sorted(crops: Crops) -> None:
    basis, slow = fit_transform(crops, seed=0)
    assert np.allclose(basis @ basis.T, np.eye(768), atol=1e-6)
    energies = np.zeros(768)
    for index in range(len(crops)):
        energies += np.square(crops.patch_grid(index) @ basis.T).sum((0, 1))
    assert energies[:8].min() > energies[100:].max()
    assert 0 in slow


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("ae-zfp-*.yaml")), ids=lambda p: p.stem)
def test_shipped_configs_load(path: Path) -> None:
    config = load_config(path)
    assert path.stem == f"ae-zfp-{config.preset}"
    assert config.ratio == float(config.preset[:-1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("preset: a\nratio: 5\nstepps: 3", "unknown key stepps; did you mean steps?"),
        (
            "preset: a\nratio: 5\nloss: {ssim_shar: 0.1}",
            "unknown key loss.ssim_shar; did you mean ssim_share?",
        ),
        ("preset: a\nratio: 5\nzzz: 1", "unknown key zzz; known here: preset, ratio"),
        ("preset: a\nratio: half", r"ratio: .* \(got 'half'\)"),
        ("ratio: 5", "preset: Field required"),
        ("- a\n- b", "expected keys and values"),
        ("a: [", "expected a training config in YAML"),
    ],
    ids=["typo", "nested-typo", "unknown", "value", "missing", "list", "not-yaml"],
)
def test_wrong_configs_say_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_missing_configs_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a training config in YAML at"):
        load_config(tmp_path / "none.yaml")


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
