"""Weights adapted to a few pictures: a run that any kill leaves resumable, weights that a difference rebuilds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import codec.families.hyper.recipe
from codec.adaptation.adapt import LEAST_IMAGES, adapt
from codec.adaptation.difference import rebuild
from codec.adaptation.folder import Adapted
from codec.adaptation.measured import measure
from codec.adaptation.settings import AdaptationSettings
from codec.adaptation.watch import AdaptationProgress
from codec.entropy.tables import laplace_tables
from codec.errors import CodecConfigError, TooFewImagesError
from codec.families.hyper.weights import export
from codec.training.image_crops import Crops
from codec.weights_file import SHIPPED
from tests.support.photographs import picture
from tests.support.tiny_hyper import CPU, busy_model

START = export(busy_model(), laplace_tables(), name="tiny", recipe={})
SETTINGS = AdaptationSettings(steps=4, batch=2, patch=64, workers=1)
CROPS = Crops(
    names=tuple(f"{number}.png" for number in range(LEAST_IMAGES)),
    pixels=tuple(picture(96, 96, seed) for seed in range(LEAST_IMAGES)),
)


@pytest.fixture(autouse=True)
def _tables_of_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fit the tables of adapted weights to one picture, not to many."""
    monkeypatch.setattr(codec.families.hyper.recipe, "_FIT_CROPS", 1)


def run(out: Path, *, stop_at: int | None = None, crops: Crops = CROPS) -> Adapted | None:
    def stop(progress: AdaptationProgress) -> bool:
        return progress.step == stop_at

    return adapt(START, crops, family="hyper-1", settings=SETTINGS, out=out, device=CPU, stop=stop)


def test_a_run_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    assert run(tmp_path / "parts", stop_at=2) is None
    parts = run(tmp_path / "parts")
    again = run(tmp_path / "parts", stop_at=1)
    assert whole is not None
    assert parts is not None
    assert again is not None
    assert whole.weights != START
    assert whole.weights == parts.weights == again.weights
    assert whole.difference == parts.difference == again.difference
    assert whole.difference is not None
    assert rebuild(START, whole.difference) == whole.weights
    measured = measure([picture(70, 80)], whole.weights, [10.0, 50.0], family="hyper-1", device="cpu")
    assert [point.quality for point in measured.images[0].points] == [10.0, 50.0]


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    pixels = (*CROPS.pixels[:-1], np.zeros((63, 200, 3), np.uint8))
    with pytest.raises(
        TooFewImagesError, match="at least 8 images of 64 x 64 pixels or more to adapt to, got 7"
    ):
        run(tmp_path, crops=Crops(names=CROPS.names, pixels=pixels))


def test_a_family_without_weights_of_ones_own_is_refused(tmp_path: Path) -> None:
    start = (SHIPPED / "ae-zfp-1" / "25x.safetensors").read_bytes()
    with pytest.raises(CodecConfigError, match="expected a family whose weights can be adapted"):
        adapt(start, CROPS, family="ae-zfp-1", settings=SETTINGS, out=tmp_path, device=CPU)
