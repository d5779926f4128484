"""Payloads of the shipped weights, and what they must decode to.

They change only on purpose: `python -m tests.codec.golden` writes them anew, after weights or format changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from PIL import Image

from codec.ae_zfp.codec import FAMILY, AutoEncoderZfp
from tests.codec.conftest import picture

FOLDER: Final = Path(__file__).parent
EXPECTED: Final = FOLDER / "expected.json"


def regenerate() -> None:
    """Encode one picture with every preset and keep payload, pixels and checksums."""
    codec = AutoEncoderZfp()
    expected: dict[str, dict[str, object]] = {}
    for preset, quality in codec.preset_quality.items():
        (encoded,) = codec.encode([picture(75, 101, seed=7)], quality=quality)
        name = f"{FAMILY}-{preset}"
        (FOLDER / f"{name}.bin").write_bytes(encoded.payload)
        Image.fromarray(codec.decode([encoded.payload])[0]).save(FOLDER / f"{name}.png", optimize=True)
        expected[name] = {
            "symbols_crc32": encoded.symbols_crc32,
            "latent_shape": list(encoded.latent_shape),
            "latents_sum": float(codec.latents(encoded.payload).sum(dtype="float64")),
        }
    EXPECTED.write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
