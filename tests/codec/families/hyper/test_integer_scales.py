"""The integer network: the same integers as in training, whatever the machine does with its threads and shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from codec.entropy.tables import SYMBOL_LIMIT, TABLES
from codec.families.hyper.integer_scales import ExactScales, at_level
from codec.families.hyper.scale_network import magnitude
from codec.families.hyper.weights import Weights
from codec.parts.image_quality import QualityGrid
from codec.parts.lattice import WHOLE
from tests.support.tiny_hyper import CPU, TINY

LAST = len(TINY.passes) - 1


def at(*sixteenths: int) -> QualityGrid:
    """Images without maps, of these qualities."""
    return QualityGrid(sixteenths_K=torch.tensor(sixteenths), kinds_Bhw=None)


AT_333 = at(333)


@pytest.fixture
def threads() -> Iterator[None]:
    """Give torch its threads back afterwards."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def exact(tiny: Weights) -> ExactScales:
    """The tiny model's integer network."""
    return ExactScales(TINY, tiny.scales_state, tiny.prior_LM, CPU)


def hyper_latents(height: int, width: int) -> Tensor:
    """Integers as hyper-latents are."""
    torch.manual_seed(1)
    return (3.0 * torch.randn(1, height, width, TINY.hyper_latents)).round()


def symbols(height: int, width: int, channels: int) -> Tensor:
    """Integers as residuals are: mostly small, some not."""
    torch.manual_seed(2)
    return (torch.randn(1, height, width, channels) * torch.randn(1, height, width, 1).exp()).round()


@pytest.mark.parametrize("number", range(len(TINY.passes)))
def test_integers_agree_with_the_network_that_was_trained(
    tiny: Weights, exact: ExactScales, number: int
) -> None:
    z_BuvN = hyper_latents(5, 6)
    one = TINY.passes[number]
    r_BhwM = symbols(20, 24, one.context_channels)
    trained = tiny.model.scales
    quality_B = torch.tensor([42.0])  # an anchor: whole numbers, as the rest of the model
    index = (
        trained.indices(
            number, trained.features(_nchw(z_BuvN)), magnitude(_nchw(r_BhwM)), quality_B, one.lattice
        )
        + tiny.model.prior(quality_B)[:, one.channels, None, None]
    )
    expected = (index + 0.5).floor().clamp(0, TABLES - 1).permute(0, 2, 3, 1)
    found = exact.indices(number, exact.features(z_BuvN), exact.magnitudes(r_BhwM), at(42 * 16), one.lattice)
    assert float((found.float() - expected).abs().max()) <= 1.0
    assert float((found.float() != expected).float().mean()) < 0.01
    assert len(torch.unique(found)) > 5, "a network that says the same everywhere proves nothing"


def test_threads_and_neighbours_change_nothing(exact: ExactScales, threads: None) -> None:
    z_BuvN = hyper_latents(9, 7)
    r_BhwM = symbols(36, 28, 16)
    torch.set_num_threads(1)
    features = exact.features(z_BuvN)
    indices = exact.indices(LAST, features, exact.magnitudes(r_BhwM), AT_333, WHOLE)
    torch.set_num_threads(2)
    assert torch.equal(exact.features(z_BuvN), features)
    assert torch.equal(exact.indices(LAST, features, exact.magnitudes(r_BhwM), AT_333, WHOLE), indices)
    strip = exact.features(z_BuvN[:, 2:6])[:, 4:-4]
    assert torch.equal(strip, features[:, 12:20])
    rows = exact.indices(LAST, features[:, 7:20], exact.magnitudes(r_BhwM[:, 7:20]), AT_333, WHOLE)[:, 1:-1]
    assert torch.equal(rows, indices[:, 8:19])


def test_sums_of_any_order_are_the_same(exact: ExactScales, tiny: Weights) -> None:
    order = torch.randperm(TINY.hyper_latents, generator=torch.Generator().manual_seed(5))
    state = dict(tiny.scales_state)
    state["rise_in.weight"] = state["rise_in.weight"][:, order]
    shuffled = ExactScales(TINY, state, tiny.prior_LM, CPU)
    z_BuvN = 40.0 * hyper_latents(4, 4)
    assert torch.equal(shuffled.features(z_BuvN[..., order]), exact.features(z_BuvN))


def test_images_beside_each_other_have_the_tables_they_have_alone(exact: ExactScales) -> None:
    z_BuvN, r_BhwM = hyper_latents(6, 2), symbols(24, 8, 16)
    z_BuvN, r_BhwM = z_BuvN.view(3, 2, 2, -1), r_BhwM.view(3, 8, 8, -1)
    qualities = (0, 333, 1008)
    together = exact.indices(LAST, exact.features(z_BuvN), exact.magnitudes(r_BhwM), at(*qualities), WHOLE)
    for n in range(3):
        one = slice(n, n + 1)
        features, magnitudes = exact.features(z_BuvN[one]), exact.magnitudes(r_BhwM[one])
        assert torch.equal(exact.indices(LAST, features, magnitudes, at(qualities[n]), WHOLE), together[one])


@pytest.fixture
def coarse_products() -> Iterator[None]:
    """Let float32 products run in bfloat16 where the machine can, as a host may."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision(before)


def found(exact: ExactScales) -> Tensor:
    """Indices of the last pass of some image."""
    z_BuvN, r_BhwM = hyper_latents(9, 7), symbols(36, 28, 16)
    return exact.indices(LAST, exact.features(z_BuvN), exact.magnitudes(r_BhwM), AT_333, WHOLE)


def test_coarse_products_of_a_host_change_nothing(exact: ExactScales, request: pytest.FixtureRequest) -> None:
    expected = found(exact)
    request.getfixturevalue("coarse_products")
    torch.manual_seed(0)
    a, b = torch.randn(64, 64), torch.randn(64, 64)
    if torch.equal(a @ b, (a.double() @ b.double()).float()):
        pytest.skip("this machine computes products exactly all the same")
    assert torch.equal(found(exact), expected)


def test_sums_that_float32_could_round_are_computed_in_float64(exact: ExactScales, tiny: Weights) -> None:
    assert {layer.weight.dtype for layer in exact._layers.values()} == {torch.float32}
    state = dict(tiny.scales_state)
    largest = 2**24 - 255 * int(state[f"mix.{LAST}.weight"].abs().sum((1, 2, 3)).max())
    for bias, kind in ((largest // 2, torch.float32), (largest, torch.float64)):
        state[f"mix.{LAST}.bias"] = torch.full_like(state[f"mix.{LAST}.bias"], bias)
        assert ExactScales(TINY, state, tiny.prior_LM, CPU)._layers[f"mix.{LAST}"].weight.dtype == kind


def test_float32_and_float64_find_the_same(
    exact: ExactScales, monkeypatch: pytest.MonkeyPatch, tiny: Weights
) -> None:
    monkeypatch.setattr("codec.families.hyper.integer_scales._FLOAT32_LIMIT", 0)
    double = ExactScales(TINY, tiny.scales_state, tiny.prior_LM, CPU)
    assert {layer.weight.dtype for layer in double._layers.values()} == {torch.float64}
    assert torch.equal(found(double), found(exact))


def test_every_tensor_is_an_integer(tiny: Weights) -> None:
    for name, tensor in tiny.scales_state.items():
        assert not tensor.is_floating_point(), name
    assert all(int(t.abs().max()) <= 127 for n, t in tiny.scales_state.items() if n.endswith("weight"))


def test_magnitudes_follow_the_logarithm(exact: ExactScales) -> None:
    r = torch.arange(SYMBOL_LIMIT + 1)
    expected = [min(255, math.floor(16 * math.log2(1 + n) + 0.5)) for n in r.tolist()]
    assert exact.magnitudes(r).tolist() == expected
    assert torch.equal(exact.magnitudes(-r), exact.magnitudes(r))


def test_levels_between_two_are_whole_numbers_between() -> None:
    table_LC = torch.tensor([[0.0, -31.0], [16.0, 32.0]], dtype=torch.float64)
    found = at_level(table_LC, torch.arange(16))
    assert torch.equal(found[:, 0], torch.arange(16.0, dtype=torch.float64))
    assert torch.equal(found, found.floor())
    assert bool((found[1:, 1] > found[:-1, 1]).all())


def _nchw(a_BhwC: Tensor) -> Tensor:
    return a_BhwC.permute(0, 3, 1, 2)
