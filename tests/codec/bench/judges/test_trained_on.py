"""A model is marked beside the judges that it was trained on, however its run was told."""

from __future__ import annotations

import json

import pytest

from codec.bench.judges.trained_on import judges_of_training


@pytest.mark.parametrize(
    ("recipe", "judges"),
    [
        ({}, set()),
        ({"config": {"objective": "ssim"}}, {"SSIM", "MS-SSIM"}),
        ({"config": {"loss": {"objective": "mixed"}}}, {"SSIM", "MS-SSIM"}),
        ({"config": {"loss": {"objective": "mse"}}, "trained_on": ["DISTS"]}, {"DISTS"}),
    ],
    ids=["nothing told", "at the top", "in the loss", "named"],
)
def test_judges_are_told_by_the_objective_and_by_name(recipe: dict[str, object], judges: set[str]) -> None:
    assert judges_of_training(json.dumps({"recipe": recipe})) == judges
