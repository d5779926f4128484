"""Which qualities a run trains at: every patch at one of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from codec.contract import QUALITIES


class DrawnQualitiesConfig(BaseModel):
    """Which qualities are trained, and how often."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quality_beta: tuple[float, float] = (1.0, 1.5)
    """Qualities are drawn as 63 x Beta(a, b); these favour small files a little."""

    def drawn(self, count: int, chance: np.random.Generator) -> npt.NDArray[np.float32]:
        """That many qualities, (count,)."""
        top = QUALITIES.stop - 1
        return (chance.beta(*self.quality_beta, size=count) * top).astype(np.float32)
