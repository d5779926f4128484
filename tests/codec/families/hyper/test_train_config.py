"""The configs of `hyper-1`: three sizes ship, and its own keys are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from codec.errors import CodecConfigError
from codec.families.hyper import FAMILY
from codec.families.hyper.config import ModelConfig
from codec.families.hyper.train_config import HyperTrainConfig
from codec.train_config import load_train_config, parse_train_config

CONFIGS = Path(__file__).parents[4] / "configs" / "train"


def test_shipped_configs_grow() -> None:
    sizes = [load_train_config(CONFIGS / f"hyper-{name}.yaml") for name in ("small", "medium", "large")]
    widths = [config.model.width for config in sizes if isinstance(config, HyperTrainConfig)]
    assert len(widths) == 3
    assert widths == sorted(set(widths))
    assert isinstance(sizes[0], HyperTrainConfig)
    assert sizes[0].model == ModelConfig()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ratio": 5}, "unknown key ratio"),
        ({"optimiser": {"prior_scal": 5}}, r"unknown key optimiser.prior_scal; did you mean prior_scale\?"),
        ({"patch": 80}, "patch: .* multiple of 64"),
        ({"evaluate_qualities": [64]}, "evaluate_qualities.0: .*less than 64"),
    ],
    ids=str,
)
def test_wrong_keys_are_refused(changes: dict[str, object], message: str) -> None:
    sound = {"family": FAMILY.id, "preset": "a", "steps": 5}
    with pytest.raises(CodecConfigError, match=message):
        parse_train_config(sound | changes, where="here")
