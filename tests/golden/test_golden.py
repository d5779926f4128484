"""Payloads written earlier decode to the same symbols, bit for bit, and nearly the same pixels."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from codec.registry import codec_ids
from tests.golden import EXPECTED, FOLDER, golden_codec
from tests.support.devices import on_every_device

GOLDEN: dict[str, dict[str, object]] = json.loads(EXPECTED.read_text(encoding="utf-8"))


def test_every_family_has_golden_payloads() -> None:
    for codec_id in codec_ids():
        assert sum(name.startswith(codec_id) for name in GOLDEN) >= 3


@on_every_device
@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_golden_payloads_decode_as_they_did(name: str, device: str) -> None:
    codec = golden_codec(name, device=device)
    payload = (FOLDER / f"{name}.bin").read_bytes()
    expected = GOLDEN[name]
    assert codec.symbols_crc32(payload) == expected["symbols_crc32"]
    latents = codec.latents(payload)
    assert list(latents.shape) == expected["latent_shape"]
    assert float(latents.sum(dtype="float64")) == pytest.approx(expected["latents_sum"], rel=1e-2, abs=1e-2)
    with Image.open(FOLDER / f"{name}.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(codec.decode([payload])[0].pixels.astype(int) - pixels).max() <= 2
