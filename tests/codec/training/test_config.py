"""Training configs: what ships loads, and what is wrong is named with the nearest valid key."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.contract import DEFAULT_CODEC
from codec.errors import CodecConfigError
from codec.registry import codec_ids, config_type
from codec.train_config import load_train_config
from codec.training.config import OptimiserConfig
from codec.training.schedule import Budget, learning_rate
from tests.support.training_runs import tiny

CONFIGS = Path(__file__).parents[3] / "configs" / "train"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_configs_load(path: Path) -> None:
    config = load_train_config(path)
    assert config.preset in path.stem
    assert type(config) is config_type(config.family, config.trains)


def test_every_family_has_a_config_that_ships() -> None:
    shipped = {load_train_config(path).family for path in CONFIGS.glob("*.yaml")}
    for family in codec_ids():
        assert family in shipped, f"no config of {family} at {CONFIGS}: add one, such as {family}.yaml"


@pytest.mark.parametrize("family", codec_ids())
def test_a_familys_tiny_settings_are_a_config_of_its_type(family: str) -> None:
    assert type(tiny(family)) is config_type(family)


SOUND = f"family: {DEFAULT_CODEC}\npreset: a\nsteps: 5\n"
CHOICE = "family: classic-1\npreset: a\nsteps: 5\nnetwork: {kind: convolutional, "
"""One of several shapes of a network, told by `kind`."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SOUND + "stepps: 3", "unknown key stepps; did you mean steps?"),
        (SOUND + "zzz: 1", "unknown key zzz; known here: family, trains, preset"),
        (SOUND + "optimiser: {warmup: 5}", "unknown key optimiser.warmup; did you mean warmup_steps?"),
        (SOUND + "batch: half", r"batch: .* \(got 'half'\)"),
        (f"family: {DEFAULT_CODEC}\nsteps: 5", "preset: Field required"),
        ("preset: a\nratio: 5", rf"expected `family:` to be one of {DEFAULT_CODEC}, .*; got None"),
        (f"family: {DEFAULT_CODEC}0", rf"got '{DEFAULT_CODEC}0'; did you mean {DEFAULT_CODEC}\?"),
        ("family: [a]", r"got \['a'\]"),
        (SOUND + "minutes: 5", "expected either steps or minutes, got both"),
        (f"family: {DEFAULT_CODEC}\npreset: a", "expected either steps or minutes, got neither"),
        (SOUND + "patch: 256\ndata: {crop: 128}", "data.crop of 128 is smaller than patch of 256"),
        (
            SOUND + "optimiser: {learning_rate: .inf}",
            r"optimiser.learning_rate: .* finite number \(got inf\)",
        ),
        (CHOICE + "chanels: 3}", "unknown key network.chanels; did you mean channels?"),
        (CHOICE + "block: 3}", "unknown key network.block; known here: channels, kind, width"),
        (CHOICE + "width: 0}", r"run.yaml: network.width: .* \(got 0\)"),
        (
            CHOICE.replace("convolutional, ", "none}"),
            "network: Input tag 'none' .* expected tags: 'dense', 'convolutional'",
        ),
        ("- a\n- b", "expected keys and values"),
        ("", "expected keys and values in .*, got nothing; configs/train/ has examples"),
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
    assert [learning_rate(config, step=step, fraction_done=0.0) for step in range(5)] == [
        0.25,
        0.5,
        0.75,
        1.0,
        1.0,
    ]
    rates = [learning_rate(config, step=99, fraction_done=done) for done in (0.4, 0.5, 0.75, 1.0)]
    assert rates == [1.0, 1.0, 0.5, 0.0]
    assert learning_rate(OptimiserConfig(decay_from=1.0), step=999, fraction_done=0.999) == 2e-3


def test_budgets_run_by_steps_or_by_the_clock() -> None:
    by_steps, by_clock = Budget(steps=10, minutes=None), Budget(steps=None, minutes=2.0)
    assert by_steps.fraction_done(5, 1e9) == 0.5
    assert by_steps.seconds_left(5, 0.0, seconds_a_step=2.0) == 10.0
    assert by_clock.fraction_done(10**9, 30.0) == 0.25
    assert by_clock.seconds_left(5, 30.0, seconds_a_step=2.0) == 90.0
    assert by_clock.fraction_done(0, 1e6) == 1.0
