"""Payloads written earlier decode to the same symbols, bit for bit, and nearly the same pixels."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import pytest
from PIL import Image

from codec import families
from codec.registry import codec_ids, family_of
from tests.golden import expected_of, golden_cases, golden_codec, golden_families, golden_path
from tests.support.devices import on_every_device

resident_codec: Final = cache(golden_codec)
"""The codec of a family's golden payloads on a device, loaded once."""


def test_every_family_has_golden_payloads() -> None:
    here = [one for one in codec_ids() if family_of(one).package.startswith(f"{families.__name__}.")]
    for family in here:
        assert len(expected_of(family)) >= 3, (
            f"{family} has no golden payloads, which show that later releases decode what this one wrote: "
            f"run `python -m tests.golden {family}` and commit tests/golden/payloads/{family}"
        )


@pytest.mark.parametrize("family", golden_families())
def test_golden_payloads_are_of_a_family_that_is_here(family: str) -> None:
    assert family in codec_ids(), (
        f"tests/golden/payloads/{family} holds payloads that a release wrote, and no family decodes them: "
        "archives may hold such payloads, so bring its decoder back"
    )


@pytest.mark.parametrize("family", golden_families())
def test_golden_payloads_lie_beside_what_they_decode_to(family: str) -> None:
    payloads = {case for found, case in golden_cases() if found == family}
    pictures = {case for case in payloads if golden_path(family, case, "png").exists()}
    assert payloads == pictures == set(expected_of(family))


@on_every_device
@pytest.mark.parametrize(("family", "case"), golden_cases())
def test_golden_payloads_decode_as_they_did(family: str, case: str, device: str) -> None:
    codec = resident_codec(family, device=device)
    payload = golden_path(family, case, "bin").read_bytes()
    expected = expected_of(family)[case]
    (decoded,) = codec.decode([payload])
    assert decoded.symbols_crc32 == expected["symbols_crc32"]
    latents = codec.latents(payload)
    assert list(latents.shape) == expected["latent_shape"]
    assert float(latents.sum(dtype="float64")) == pytest.approx(expected["latents_sum"], rel=1e-2, abs=1e-2)
    with Image.open(golden_path(family, case, "png")) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(decoded.pixels.astype(int) - pixels).max() <= 2
