"""Quality floors: real measures, the lowest quality that meets them, and reasons that say what was missed."""

from __future__ import annotations

import numpy as np
import pytest

from codec.contract import RGB, Encoded
from codec.metrics import ms_ssim, psnr_db
from pipeline.encode.batch_encoder import BatchEncoder
from pipeline.encode.quality_floors import Floors
from pipeline.encode.rate_control import FixedQuality
from pipeline.encode.types import Coded, Fetched, Measures
from pipeline.encode.weights_choice import WeightsChoice
from pipeline.types import Image, SourceImage
from tests.support.plain_codec import PlainCodec


class Counting(PlainCodec):
    """Counts what it encodes."""

    encodes = 0

    def _encoded(self, image: RGB, quality: float) -> Encoded:
        self.encodes += 1
        return super()._encoded(image, quality)


def photo(side: int = 48, *, amplitude: float = 60.0, channels: int = 3) -> Image:
    """Smooth waves and a little noise."""
    rows, columns = np.mgrid[:side, :side] / side * 9
    waves = np.stack([np.sin(rows + n) * np.cos(columns * (n + 1)) for n in range(channels)], axis=2)
    noise = np.random.default_rng(5).normal(0, 2, waves.shape)
    pixels = np.clip(128 + amplitude * waves + noise, 0, 255).astype(np.uint8)
    return Image(pixels=pixels, source_format="PNG", mode="RGB" if channels == 3 else "L")


def code(image: Image, floors: Floors, *, quality: float = 10.0, room: int = 10**6) -> Coded | str:
    """One image through the coder with `PlainCodec`."""
    codec = Counting()
    source = SourceImage(key="a.png", url="/a.png")
    fetched = Fetched(source=source, data=bytes(room), content=image, read_s=0, decode_s=0)
    outcome = (
        BatchEncoder(WeightsChoice([codec], quality), floors)
        .code([fetched], FixedQuality(quality))
        .outcomes["a.png"]
    )
    assert codec.encodes <= 1 + 6
    return outcome


@pytest.mark.parametrize("floor", [31.0, 36.0, 42.0, 50.0])
@pytest.mark.parametrize("channels", [3, 1], ids=["colour", "grey"])
def test_a_psnr_floor_is_met_and_not_by_much(floor: float, channels: int) -> None:
    image = photo(channels=channels)
    coded = code(image, Floors(min_psnr_db=floor))
    assert isinstance(coded, Coded)
    shown = coded.decoded if channels == 3 else coded.decoded[:, :, :1]
    assert psnr_db(image.pixels, shown) == pytest.approx(coded.measures.psnr_db, abs=0.5)
    assert floor <= coded.measures.psnr_db < floor + 2.0
    assert coded.quality > 10


def test_an_image_above_its_floor_is_left_alone() -> None:
    coded = code(photo(), Floors(min_psnr_db=10, min_ms_ssim=0.1), quality=20)
    assert isinstance(coded, Coded)
    assert coded.quality == 20


def test_an_ms_ssim_floor_is_met() -> None:
    image = photo(176)
    without = code(image, Floors())
    assert isinstance(without, Coded)
    assert without.measures.ms_ssim is not None
    floor = (1 + without.measures.ms_ssim) / 2
    coded = code(image, Floors(min_ms_ssim=floor))
    assert isinstance(coded, Coded)
    score = ms_ssim(image.pixels, coded.decoded)
    assert score is not None
    assert floor <= score
    assert coded.quality < 63


def test_the_stricter_of_two_floors_counts() -> None:
    image = photo(176)
    coded = code(image, Floors(min_psnr_db=45, min_ms_ssim=0.5))
    assert isinstance(coded, Coded)
    assert coded.measures.psnr_db >= 45


def test_an_image_that_cannot_reach_its_floor_is_kept_and_says_why() -> None:
    class Poor(Counting):
        def _encoded(self, image: RGB, quality: float) -> Encoded:
            return super()._encoded(image, min(quality, 20.0))

    source = SourceImage(key="a.png", url="/a.png")
    fetched = Fetched(source=source, data=bytes(10**6), content=photo(), read_s=0, decode_s=0)
    coder = BatchEncoder(WeightsChoice([Poor()], 30), Floors(min_psnr_db=45))
    outcome = coder.code([fetched], FixedQuality(10.0)).outcomes["a.png"]
    assert isinstance(outcome, str)
    assert outcome.startswith("under the PSNR floor of 45 dB (")
    assert outcome.endswith(" dB at quality 63)")


def test_a_small_image_has_no_ms_ssim_to_hold_against_the_floor() -> None:
    outcome = code(photo(48), Floors(min_ms_ssim=0.9))
    assert isinstance(outcome, str)
    assert outcome.startswith(
        "no MS-SSIM to hold against the floor of 0.9: the short side is under 161 pixels"
    )
    coded = code(photo(48), Floors(min_ms_ssim=0.9, min_psnr_db=30))
    assert isinstance(coded, Coded)
    assert coded.measures.psnr_db >= 30


def test_an_image_raised_beyond_its_file_is_kept() -> None:
    outcome = code(photo(), Floors(min_psnr_db=50), room=1500)
    assert isinstance(outcome, str)
    assert "is not smaller than the source (1500 bytes)" in outcome


def test_a_lossless_image_is_above_every_floor() -> None:
    assert Floors(min_psnr_db=99).margin_db(Measures(psnr_db=float("inf"), ms_ssim=None)) == float("inf")
