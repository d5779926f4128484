"""What is drawn from real payloads of held-back crops, and what becomes of those when it is encoded again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from codec.codec import Codec
from codec.colour import pixels_to_rgb
from codec.contract import RGB, EncodeOptions
from codec.grid.samples import SAMPLED
from codec.perception.lpips import Lpips
from codec.training.session import stage


def drawn_facts(
    codec: Codec, crops: Sequence[RGB], qualities: Sequence[int], lpips: Lpips | None
) -> dict[str, float]:
    """Means over crops, at each quality: `same_codes_q32` is the share of codes that are the same after the first drawn
    picture was encoded, `lpips_q32` how far it is from the original; that only where LPIPS is at hand.
    """
    facts: dict[str, float] = {}
    for quality in stage("qualities drawn", qualities):
        options = EncodeOptions(quality=quality)
        payloads = [one.payload for one in codec.encode(crops, options)]
        drawn = [one.pixels for one in codec.decode(payloads, decoder=SAMPLED)]
        again = [one.payload for one in codec.encode(drawn, options)]
        pairs = zip(payloads, again, strict=True)
        facts[f"same_codes_q{quality:02d}"] = float(np.mean([same_codes(codec, *pair) for pair in pairs]))
        if lpips is not None:
            with torch.inference_mode():
                apart = [float(lpips(*map(pixels_to_rgb, pair))) for pair in zip(crops, drawn, strict=True)]
            facts[f"lpips_q{quality:02d}"] = float(np.mean(apart))
    return facts


def same_codes(codec: Codec, payload: bytes, again: bytes) -> float:
    """The share of codes that two payloads of one size and quality have in common."""
    return float(np.mean(codec.latents(payload) == codec.latents(again)))
