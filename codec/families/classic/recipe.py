"""How the networks of `classic-1` train: as the grid does."""

from __future__ import annotations

from codec.families.classic.networks import CLASSIC
from codec.grid.recipe import GridRecipe


class ClassicRecipe(GridRecipe):
    """Implements `codec.training.recipe.Recipe`."""

    family = CLASSIC
