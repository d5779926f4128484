"""From an id to a codec, and what is wrong when there is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.ae_zfp.codec import FAMILY, AutoEncoderZfp
from codec.ae_zfp.weights import load_weights
from codec.bench import rd_table
from codec.errors import BitstreamError, ConfigError, UnknownCodecError, WeightsError
from codec.registry import codec_ids, load_codec, resolve_device
from codec.weights_file import SHIPPED, weights_bytes
from tests.codec.conftest import picture


def test_unknown_ids_list_the_known_ones() -> None:
    with pytest.raises(UnknownCodecError, match="expected a codec of ae-zfp-1; got 'jpeg2000'"):
        load_codec("jpeg2000")
    assert codec_ids() == [FAMILY]


@pytest.mark.parametrize("device", ["tpu", "", "mps", "cuda:x"])
def test_devices_that_are_none_are_refused(device: str) -> None:
    with pytest.raises(ConfigError, match="expected device auto, cpu, cuda or cuda:n"):
        resolve_device(device)


def test_a_gpu_that_is_not_here_is_refused() -> None:
    with pytest.raises(ConfigError, match="is not here: torch sees"):
        resolve_device("cuda:31")


def test_auto_is_a_device_that_exists() -> None:
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """A copy of the shipped folder, to be spoilt."""
    return Path(shutil.copytree(SHIPPED / FAMILY, tmp_path / FAMILY))


def test_missing_weights_are_named(family: Path) -> None:
    (family / "25x.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"expected weights at .*25x\.safetensors"):
        AutoEncoderZfp(family)


@pytest.mark.parametrize("keep", [0, 4, 100, 200_000])
def test_truncated_weights_are_refused(family: Path, keep: int) -> None:
    path = family / "60x.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="damaged or made for another model"):
        AutoEncoderZfp(family)


@pytest.mark.parametrize("text", ["", "{}", "not json"])
def test_a_malformed_index_is_refused(family: Path, text: str) -> None:
    (family / "index.json").write_text(text)
    with pytest.raises(WeightsError, match="index"):
        AutoEncoderZfp(family)


def test_payloads_of_other_weights_say_so(family: Path, codec: AutoEncoderZfp) -> None:
    payload = codec.encode([picture(20, 20)], quality=10)[0].payload
    for path in family.glob("*.safetensors"):
        weights = load_weights(path)
        state = {name: tensor * 1.01 for name, tensor in weights.model.state_dict().items()}
        path.write_bytes(weights_bytes(weights.config.model_dump_json(), state))
    with pytest.raises(BitstreamError, match=r"made with weights .* decode it with the tenfold release"):
        AutoEncoderZfp(family).decode([payload])


def test_shipped_weights_carry_their_recipe(codec: AutoEncoderZfp) -> None:
    for name in codec.index.presets:
        config = load_weights(SHIPPED / FAMILY / f"{name}.safetensors").config
        assert config.preset == name
        recipe_config = config.recipe["config"]
        assert isinstance(recipe_config, dict)
        assert recipe_config["ratio"] == float(name[:-1])
        assert (SHIPPED / FAMILY / f"{name}.log.jsonl").stat().st_size < 200_000


def test_rd_table_measures_real_payloads(codec: AutoEncoderZfp) -> None:
    images = [picture(170, 180, seed) for seed in range(2)]
    low, high = rd_table(codec, images, [5, 60])
    assert low.images == 2
    assert low.bpp < high.bpp
    assert low.psnr_db < high.psnr_db
    assert low.ms_ssim is not None
    encoded = codec.encode(images, quality=5)
    assert low.ratio == pytest.approx(sum(i.size for i in images) / sum(len(e.payload) for e in encoded))
    with pytest.raises(ValueError, match="at least one image"):
        rd_table(codec, [], [5])
    assert rd_table(codec, [np.zeros((8, 8, 3), np.uint8)], [0])[0].ms_ssim is None
