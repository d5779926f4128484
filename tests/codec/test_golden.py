"""Payloads written earlier decode to the same symbols, bit for bit, and the same pixels within 1 LSB."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from codec.ae_zfp.codec import AutoEncoderZfp
from tests.codec.golden import EXPECTED, FOLDER

GOLDEN: dict[str, dict[str, object]] = json.loads(EXPECTED.read_text(encoding="utf-8"))


def test_every_preset_has_a_golden_payload(codec: AutoEncoderZfp) -> None:
    assert {name.rsplit("-", 1)[1] for name in GOLDEN} == set(codec.index.presets)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_golden_payloads_decode_as_they_did(codec: AutoEncoderZfp, name: str) -> None:
    payload = (FOLDER / f"{name}.bin").read_bytes()
    expected = GOLDEN[name]
    assert codec.symbols_crc32(payload) == expected["symbols_crc32"]
    latents = codec.latents(payload)
    assert list(latents.shape) == expected["latent_shape"]
    assert float(latents.sum(dtype="float64")) == pytest.approx(expected["latents_sum"], rel=1e-6, abs=1e-6)
    with Image.open(FOLDER / f"{name}.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(codec.decode([payload])[0].astype(int) - pixels).max() <= 1
