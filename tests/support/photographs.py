"""The photos that ship with the project, and pictures that look like photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codec.contract import RGB

PHOTOS = Path(__file__).parents[1] / "photos"


def picture(height: int, width: int, seed: int = 0) -> RGB:
    """Smooth shading, a few edges and some noise: like a photograph, for a transform codec."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    shade = 110 + 60 * np.sin(x / 37 + seed) + 40 * np.cos(y / 23)
    edges = 50.0 * ((x * 0.6 + y) % 61 < 25)
    planes = [shade + edges * weight + rng.normal(0, 4, shade.shape) for weight in (1.0, 0.6, -0.5)]
    pixels: RGB = np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)
    return pixels
