"""Payloads of every released format, and what they must decode to, forever.

`ae-zfp-1` with its shipped presets; `hyper-1` with a small model of its own, kept here, so that retrained weights leave
it alone. They change only on purpose: `python -m tests.golden` writes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from PIL import Image

from codec.contract import Codec
from codec.families.ae_zfp.codec import FAMILY as AE_ZFP
from codec.families.ae_zfp.codec import AutoEncoderZfp
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.weights import FAMILY as HYPER
from codec.families.hyper.weights import load_own
from tests.codec.conftest import picture

FOLDER: Final = Path(__file__).parent
EXPECTED: Final = FOLDER / "expected.json"
HYPER_WEIGHTS: Final = FOLDER / "hyper-1.safetensors"


def golden_codec(name: str, *, device: str = "cpu") -> Codec:
    """The codec that reads a golden payload."""
    where = torch.device(device)
    if name.startswith(HYPER):
        return HyperCodec(load_own(HYPER_WEIGHTS.read_bytes()), device=where)
    return AutoEncoderZfp(device=where)


def _cases() -> Iterator[tuple[str, float]]:
    """(name, quality)."""
    for preset, level in AutoEncoderZfp().preset_quality.items():
        yield f"{AE_ZFP}-{preset}", level
    for quality in (0.0, 31.5, 63.0):
        yield f"{HYPER}-q{quality:g}", quality


def regenerate() -> None:
    """Encode one picture in every way and keep payload, pixels and checksums."""
    expected: dict[str, dict[str, object]] = {}
    for name, quality in _cases():
        codec = golden_codec(name)
        (encoded,) = codec.encode([picture(75, 101, seed=7)], quality=quality)
        (FOLDER / f"{name}.bin").write_bytes(encoded.payload)
        Image.fromarray(codec.decode([encoded.payload])[0].pixels).save(FOLDER / f"{name}.png", optimize=True)
        expected[name] = {
            "symbols_crc32": encoded.symbols_crc32,
            "latent_shape": list(encoded.latent_shape),
            "latents_sum": float(codec.latents(encoded.payload).sum(dtype="float64")),
        }
    EXPECTED.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
