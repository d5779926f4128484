"""The configs of `ae-zfp-1`: every preset ships one, and its own keys are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.errors import CodecConfigError
from codec.families.ae_zfp import FAMILY
from codec.families.ae_zfp.train_config import AeZfpTrainConfig
from codec.train_config import load_train_config, parse_train_config

CONFIGS = Path(__file__).parents[4] / "configs" / "train"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("ae-zfp-*.yaml")), ids=lambda p: p.stem)
def test_shipped_configs_aim_at_the_ratio_in_their_name(path: Path) -> None:
    config = load_train_config(path)
    assert isinstance(config, AeZfpTrainConfig)
    assert path.stem == f"ae-zfp-{config.preset}"
    assert config.ratio == float(config.preset[:-1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": {"ssim_shar": 0.1}}, r"unknown key loss.ssim_shar; did you mean ssim_share\?"),
        ({"loss": {"objective": "mse", "ssim_share": 0.1}}, "either objective or ssim_share, got both"),
        ({"ratio": "half"}, r"ratio: .* \(got 'half'\)"),
        (
            {"patch": 32, "model": {"decoder_blocks": 9}},
            "patch of 32 pixels is smaller than what the decoder",
        ),
    ],
    ids=str,
)
def test_wrong_keys_are_refused(changes: dict[str, object], message: str) -> None:
    sound = {"family": FAMILY.id, "preset": "a", "steps": 5, "ratio": 5}
    with pytest.raises(CodecConfigError, match=message):
        parse_train_config(sound | changes, where="here")
