"""What the images of a source will take, and how long it is worth learning from them."""

from __future__ import annotations

from typing import Final

import numpy as np

from codec.adaptation.measured import MeasuredWeights
from pipeline.adapt.loaded_sample import LoadedSample
from pipeline.adapt.sample import SourceSample
from pipeline.config import AdaptConfig, CodecConfig

_EXPECTED_GAIN: Final = 0.1
"""Of bits: what auto hopes for. Narrow kinds of images have given more, wide ones nothing (docs/benchmarks)."""
_LEAST_SAVING: Final = 2e6
"""Bytes: about what a set of weights adds to an archive."""
_SHARE: Final = 0.1
"""Of the time of one core that encoding takes, which auto spends on learning."""
_ENCODE_S: Final = 1e-6
"""About what one core takes for a pixel, all included."""
_SHORTEST_S, _LONGEST_S = 180.0, 1800.0


def expected_pixels(sample: SourceSample, loaded: LoadedSample) -> float:
    """Pixels of a source that a codec will be asked about, as its sample tells."""
    if not loaded.modelled:
        return 0.0
    modelled = loaded.modelled / loaded.read
    if sample.listed_bytes:
        taken = sum(image.size or 0 for image in (*sample.learn, *sample.held_back))
        per_byte = loaded.pixels / max(loaded.source_bytes, 1)
        return sample.listed_bytes * per_byte * modelled if taken else 0.0
    return sample.listed_images * loaded.pixels / loaded.modelled * modelled


def expected_bytes(
    pixels: float, loaded: LoadedSample, before: MeasuredWeights, codec: CodecConfig, quality: int
) -> int:
    """Payload bytes of so many pixels with the weights that were measured.

    Args:
        quality: of a run without a target.
    """
    if codec.target_bpp is not None:
        return round(pixels * codec.target_bpp / 8)
    of_crops = sum(
        float(
            np.interp(
                quality,
                [point.quality for point in image.points],
                [point.num_bytes for point in image.points],
            )
        )
        for image in before.images
    )
    judged = sum(rgb.shape[0] * rgb.shape[1] for rgb in loaded.held_back)
    return round(of_crops * pixels / judged) if judged else 0


def training_seconds(config: AdaptConfig, pixels: float) -> float:
    """How long to learn."""
    if config.seconds is not None:
        return config.seconds
    return min(max(_SHARE * _ENCODE_S * pixels, _SHORTEST_S), _LONGEST_S)


def why_not_worth_it(config: AdaptConfig, num_bytes: int) -> str | None:
    """Why auto does not learn from a source; None where it does, or was told a time.

    Args:
        num_bytes: of payloads expected.
    """
    if config.seconds is not None or config.steps is not None or num_bytes * _EXPECTED_GAIN >= _LEAST_SAVING:
        return None
    return (
        f"its images will take about {num_bytes / 1e6:.1f} MB, of which too little could be saved; with a time "
        "instead of auto it is tried all the same"
    )
