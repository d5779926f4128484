"""Training configs: what ships loads, and what is wrong is named with the nearest valid key."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.errors import CodecConfigError
from codec.families.ae_zfp.recipe import AeZfpTrainConfig
from codec.families.hyper.config import ModelConfig
from codec.families.hyper.recipe import HyperTrainConfig
from codec.train import load_train_config
from codec.training.config import OptimiserConfig
from codec.training.schedule import Budget, learning_rate

CONFIGS = Path(__file__).parents[3] / "configs" / "train"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("ae-zfp-*.yaml")), ids=lambda p: p.stem)
def test_shipped_ae_zfp_configs_load(path: Path) -> None:
    config = load_train_config(path)
    assert isinstance(config, AeZfpTrainConfig)
    assert path.stem == f"ae-zfp-{config.preset}"
    assert config.ratio == float(config.preset[:-1])


def test_shipped_hyper_configs_load_and_grow() -> None:
    sizes = [load_train_config(CONFIGS / f"hyper-{name}.yaml") for name in ("small", "medium", "large")]
    assert [config.preset for config in sizes] == ["small", "medium", "large"]
    widths = [config.model.width for config in sizes if isinstance(config, HyperTrainConfig)]
    assert widths == sorted(set(widths))
    assert isinstance(sizes[0], HyperTrainConfig)
    assert sizes[0].model == ModelConfig()


AE = "family: ae-zfp-1\npreset: a\nratio: 5\n"
HYPER = "family: hyper-1\npreset: a\nsteps: 5\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (AE + "stepps: 3", "unknown key stepps; did you mean steps?"),
        (AE + "steps: 1\nloss: {ssim_shar: 0.1}", "unknown key loss.ssim_shar; did you mean ssim_share?"),
        (AE + "steps: 1\nzzz: 1", "unknown key zzz; known here: family, preset"),
        (HYPER + "ratio: 5", "unknown key ratio"),
        (HYPER + "optimiser: {prior_scal: 5}", "unknown key optimiser.prior_scal; did you mean prior_scale?"),
        ("family: ae-zfp-1\npreset: a\nratio: half", r"ratio: .* \(got 'half'\)"),
        ("family: hyper-1\nsteps: 5", "preset: Field required"),
        ("preset: a\nratio: 5", "expected `family: ae-zfp-1 or hyper-1`, got None"),
        ("family: hyper-2", "expected `family: ae-zfp-1 or hyper-1`, got 'hyper-2'"),
        (HYPER + "minutes: 5", "expected either steps or minutes, got both"),
        ("family: hyper-1\npreset: a", "expected either steps or minutes, got neither"),
        (HYPER + "patch: 80", "patch: .* multiple of 64"),
        (HYPER + "patch: 256\ndata: {crop: 128}", "data.crop of 128 is smaller than patch of 256"),
        (HYPER + "evaluate_qualities: [64]", "evaluate_qualities.0: .*less than 64"),
        ("- a\n- b", "expected keys and values"),
        ("a: [", "expected a training config in YAML"),
    ],
)
def test_wrong_configs_say_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(CodecConfigError, match=message):
        load_train_config(path)


def test_missing_configs_say_so(tmp_path: Path) -> None:
    with pytest.raises(CodecConfigError, match="expected a training config in YAML at"):
        load_train_config(tmp_path / "none.yaml")


def test_the_learning_rate_warms_up_holds_and_falls_to_zero() -> None:
    config = OptimiserConfig(learning_rate=1.0, warmup_steps=4, decay_from=0.5)
    assert [learning_rate(config, step=step, share=0.0) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    rates = [learning_rate(config, step=99, share=share) for share in (0.4, 0.5, 0.75, 1.0)]
    assert rates == [1.0, 1.0, 0.5, 0.0]
    assert learning_rate(OptimiserConfig(decay_from=1.0), step=999, share=0.999) == 2e-3


def test_budgets_run_by_steps_or_by_the_clock() -> None:
    by_steps, by_clock = Budget(steps=10, minutes=None), Budget(steps=None, minutes=2.0)
    assert by_steps.share(5, 1e9) == 0.5
    assert by_steps.seconds_left(5, 0.0, pace=2.0) == 10.0
    assert by_clock.share(10**9, 30.0) == 0.25
    assert by_clock.seconds_left(5, 30.0, pace=2.0) == 90.0
    assert by_clock.share(0, 1e6) == 1.0
