"""What is wrong with a folder of weights is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codec.contract import EncodeOptions
from codec.errors import UnknownWeightsError, WeightsError
from codec.families.ae_zfp import FAMILY
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.families.ae_zfp.weights import load_weights
from codec.preset import preset_names
from codec.weights_file import SHIPPED, weights_bytes
from tests.support.photographs import picture


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """A copy of the shipped folder, to be spoilt."""
    return Path(shutil.copytree(SHIPPED / FAMILY.id, tmp_path / FAMILY.id))


def test_missing_weights_are_named(family: Path) -> None:
    (family / "25x.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"expected weights at .*25x\.safetensors"):
        AutoEncoderZfp(family)


@pytest.mark.parametrize("keep", [0, 4, 100, 200_000])
def test_truncated_weights_are_refused(family: Path, keep: int) -> None:
    path = family / "60x.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="damaged"):
        AutoEncoderZfp(family)


@pytest.mark.parametrize("text", ["", "{}", "not json"])
def test_a_malformed_index_is_refused(family: Path, text: str) -> None:
    (family / "index.json").write_text(text)
    with pytest.raises(WeightsError, match="index"):
        AutoEncoderZfp(family)


def test_channels_that_the_model_lacks_are_refused(family: Path) -> None:
    path = family / "60x.safetensors"
    weights = load_weights(path)
    quantiser = weights.config.quantiser.model_copy(update={"predicted_channels": (0, 65_536)})
    config = weights.config.model_copy(update={"quantiser": quantiser})
    path.write_bytes(weights_bytes(config.model_dump_json(), weights.model.state_dict()))
    with pytest.raises(WeightsError, match=r"predicted_channels below \d+, got \(0, 65536\)"):
        load_weights(path)


def test_payloads_of_other_weights_say_so(family: Path, ae_zfp: AutoEncoderZfp) -> None:
    payload = ae_zfp.encode([picture(20, 20)], EncodeOptions(quality=10))[0].payload
    for path in family.glob("*.safetensors"):
        weights = load_weights(path)
        state = {name: tensor * 1.01 for name, tensor in weights.model.state_dict().items()}
        path.write_bytes(weights_bytes(weights.config.model_dump_json(), state))
    with pytest.raises(
        UnknownWeightsError, match=r"made with weights .* decode it with its archive's weights"
    ):
        AutoEncoderZfp(family).decode([payload])


def test_shipped_weights_carry_their_recipe(ae_zfp: AutoEncoderZfp) -> None:
    assert set(preset_names(FAMILY)) == {*ae_zfp.index.presets, *FAMILY.alone}
    for name in preset_names(FAMILY):
        config = load_weights(SHIPPED / FAMILY.id / f"{name}.safetensors").config
        assert config.preset == name
        recipe_config = config.recipe["config"]
        assert isinstance(recipe_config, dict)
        assert recipe_config["ratio"] == float(name[:-1])
        assert (SHIPPED / FAMILY.id / f"{name}.log.jsonl").stat().st_size < 200_000
