"""What is learned when: edges and colours are told apart, and what counts is the way that each has come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.contract import RGB
from codec.training.drawings import redraw
from codec.training.kept_pictures import keep_pictures
from codec.training.learned_when import chroma_db, edge_correlation, first_reached, learned_over, share_of_way
from codec.training.log import TrainingLog, evaluation_row
from codec.training.recipe import Evaluation, EvaluationPoint
from codec.training.strips import error_map
from tests.support.photographs import picture

ORIGINAL = picture(64, 80, 5)
FLAT = np.full_like(ORIGINAL, 128)


def grey(pixels: RGB) -> RGB:
    luma = pixels @ np.array((0.299, 0.587, 0.114))
    return np.repeat(np.rint(luma)[..., None], 3, 2).astype(np.uint8)


def test_edges_and_colours_are_told_apart() -> None:
    assert edge_correlation(ORIGINAL, ORIGINAL) == pytest.approx(1.0)
    assert edge_correlation(ORIGINAL, FLAT) == 0.0
    assert edge_correlation(ORIGINAL, grey(ORIGINAL)) > 0.99
    assert abs(edge_correlation(ORIGINAL, np.roll(ORIGINAL, 29, axis=(0, 1)))) < 0.5
    assert chroma_db(ORIGINAL, ORIGINAL) == 60.0
    assert chroma_db(ORIGINAL, grey(ORIGINAL)) == pytest.approx(chroma_db(ORIGINAL, FLAT), abs=0.1)


def test_what_counts_is_the_way() -> None:
    assert share_of_way([20.0, 29.0, 30.0]) == [0.0, 0.9, 1.0]
    assert share_of_way([5.0, 5.0]) == [1.0, 1.0]
    assert first_reached([0, 10, 20, 30], [0.0, 0.5, 0.95, 1.0]) == 20
    assert first_reached([0, 10, 20, 30], [0.0, 0.95, 0.5, 1.0]) == 30
    assert first_reached([0, 10], [1.0, 1.0]) == 0


def test_a_map_of_the_error_is_black_where_nothing_differs() -> None:
    decoded = ORIGINAL.copy()
    decoded[0, 0] ^= 2
    error = error_map(ORIGINAL, decoded)
    assert error[0, 0].tolist() == [16, 16, 16]
    assert not error[1:].any()


def test_a_run_that_learns_edges_first_is_drawn_so(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    log, point = TrainingLog(tmp_path), EvaluationPoint(label="q34", bpp=1.0, psnr_db=30.0)
    for step, decoded in ((0, FLAT), (10, grey(ORIGINAL)), (20, ORIGINAL)):
        evaluation = Evaluation(points=(point,), facts={}, shown=(decoded,))
        log.write("evaluate", step, **evaluation_row(evaluation))
        keep_pictures(tmp_path, step, evaluation, ORIGINAL)
    measures = learned_over(tmp_path, "q34")
    steps = [one.step for one in measures]
    edges, colours = ([getattr(one, name) for one in measures] for name in ("edges", "chroma_db"))
    assert first_reached(steps, share_of_way(edges)) == 10
    assert first_reached(steps, share_of_way(colours)) == 20
    drawn = redraw(tmp_path)
    assert [Path(line).name for line in drawn] == [
        "curves.png",
        "learning.png",
        "strips.png",
        "differences.png",
    ]
    with Image.open(tmp_path / "learning.png") as learning:
        assert min(learning.size) > 300


def test_without_matplotlib_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codec.training.drawings.find_spec", lambda _: None)
    TrainingLog(tmp_path).write("train", 1, loss=0.5)
    assert redraw(tmp_path)[-1].startswith("no curves.png and learning.png: matplotlib is not installed; pip")
