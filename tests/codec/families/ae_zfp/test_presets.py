"""The five presets of `ae-zfp-1` share the 64 qualities."""

from __future__ import annotations

import pytest

from codec.contract import QUALITIES
from codec.families.ae_zfp.codec import AutoEncoderZfp


def test_every_quality_has_its_preset_and_presets_have_their_quality(ae_zfp: AutoEncoderZfp) -> None:
    assert set(ae_zfp.preset_quality) == {"122x", "100x", "60x", "25x", "10x"}
    for preset, quality in ae_zfp.preset_quality.items():
        assert quality in QUALITIES
        assert ae_zfp.index.qualities[quality].preset == preset
        assert ae_zfp.index.qualities[quality].ratio == pytest.approx(float(preset[:-1]), rel=0.03)
    ratios = [point.ratio for point in ae_zfp.index.qualities]
    assert ratios == sorted(ratios, reverse=True)
