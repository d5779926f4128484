"""Judges that see by networks of others, where their packages are: numbers as they were checked against published ones.

`docs/benchmarks/2026-11-28-judges.md` says which; the scores below are of the same weights, on pictures of our own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from codec.bench.judges import Judge, NoScoreError
from codec.bench.judges.dists import DISTS
from codec.bench.judges.kernel_distance import KD_LITE0, KD_MOBILENET
from codec.bench.judges.lpips import LPIPS_ALEX, LPIPS_VGG
from codec.contract import RGB
from codec.perception.inverted_residuals import LITE0, MOBILENET, Classifier, load_classifier
from codec.perception.lpips import load_lpips
from tests.support.photographs import PHOTOS

MACAW = 88


def photo(left: int, side: int) -> RGB:
    with Image.open(PHOTOS / "kodim23.png") as file:
        return np.asarray(file.convert("RGB"))[100 : 100 + side, left : left + side]


def rounded(pixels: RGB, step: int) -> RGB:
    return (pixels // step * step + step // 2).astype(np.uint8)


def here(judge: Judge) -> Judge:
    if (reason := judge.missing()) is not None:
        pytest.skip(reason)
    return judge


@pytest.mark.parametrize(
    ("judge", "score"),
    [(LPIPS_ALEX, 0.45362), (LPIPS_VGG, 0.62669), (DISTS, 0.32049)],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_network_sees_what_it_saw_when_it_was_checked(judge: Judge, score: float) -> None:
    of_pair = here(judge).of_pair
    assert of_pair is not None
    original = photo(200, 64)
    same, slight, rough = (
        of_pair(original, one) for one in (original, rounded(original, 8), rounded(original, 64))
    )
    assert same == pytest.approx(0, abs=1e-6)
    assert same < slight < rough == pytest.approx(score, abs=2e-4)
    with pytest.raises(NoScoreError, match="pixels each way, got 9 x 9"):
        of_pair(original[:9, :9], original[:9, :9])


@pytest.mark.parametrize(
    ("judge", "score"),
    [(KD_LITE0, 0.28993), (KD_MOBILENET, 4.43056)],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_distance_of_sets_is_zero_where_nothing_was_lost(judge: Judge, score: float) -> None:
    of_set, floor = here(judge).of_set, judge.floor
    assert of_set is not None
    assert floor is not None
    originals = [photo(200, 160), photo(400, 160)]
    assert of_set(originals, originals) == pytest.approx(0, abs=1e-5)
    assert of_set(originals, [rounded(one, 64) for one in originals]) == pytest.approx(score, rel=0.01)
    assert floor([photo(400, 300)]) < score
    with pytest.raises(NoScoreError, match="expected 32 windows or more"):
        floor(originals)
    with pytest.raises(NoScoreError, match="at least 128 pixels each way"):
        of_set([photo(200, 64)], [photo(200, 64)])


@pytest.mark.parametrize("kind", [LITE0, MOBILENET], ids=lambda kind: kind.name)
def test_the_classifiers_know_a_macaw(kind: Classifier) -> None:
    if (reason := kind.weights.missing()) is not None:
        pytest.skip(reason)
    network = load_classifier(kind)
    with torch.inference_mode():
        x_BCHW = torch.from_numpy(photo(60, 224).transpose(2, 0, 1)[None] / np.float32(255))
        assert network.logits(network(x_BCHW)).argmax() == MACAW


def test_lpips_is_a_loss_that_moves_pictures_and_no_weight() -> None:
    here(LPIPS_ALEX)
    original = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    decoded = (original * 0.5).requires_grad_()
    loss: Callable[..., torch.Tensor] = load_lpips("AlexNet")
    before = loss(original, decoded).sum()
    (gradient,) = torch.autograd.grad(before, decoded)
    assert loss(original, decoded - 2.0 * gradient).sum() < before
    assert not any(weight.requires_grad for weight in load_lpips("AlexNet").parameters())
