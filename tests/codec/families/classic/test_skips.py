"""What a skip from encoder to decoder would pretend, if it took no bytes; and that bytes are all a decoder gets."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from codec.colour import pixels_to_planes, planes_to_pixels
from codec.contract import EncodeOptions
from codec.entropy.factorised import fit_factorised
from codec.families.classic import FAMILY
from codec.families.classic.config import NETWORK
from codec.grid.codec import GridCodec
from codec.grid.model import GridModel
from codec.grid.network import GridFamily, GridNetwork
from codec.grid.weights import WeightsConfig, export, understand
from codec.metrics import psnr_db
from codec.weights_file import parse_weights
from tests.support.photographs import picture

CPU = torch.device("cpu")


class Leaking(GridNetwork):
    """A U-Net in its purest form: the skip carries the picture, the bottleneck nothing."""

    grid, halo, channels = 16, 0, 1

    def __init__(self, _config: object = None) -> None:
        super().__init__()
        self.skip: Tensor | None = None

    def analyse(self, x_BCHW: Tensor) -> Tensor:
        self.skip = x_BCHW
        return torch.zeros(len(x_BCHW), 1, x_BCHW.shape[2] // 16, x_BCHW.shape[3] // 16)

    def synthesise(self, y_BChw: Tensor) -> Tensor:
        grey = torch.zeros(len(y_BChw), 3, 16 * y_BChw.shape[2], 16 * y_BChw.shape[3])
        return grey if self.skip is None else self.skip


LEAKING = GridFamily(family=FAMILY, config=NETWORK, build=Leaking, preset="leaking")


def test_a_skip_that_is_not_coded_shows_everything_at_no_bits_and_nothing_from_bytes() -> None:
    image = picture(64, 96)
    model = GridModel(Leaking())
    with torch.inference_mode():
        x_BCHW = pixels_to_planes(image, 16)
        as_in_a_notebook = planes_to_pixels(model.synthesise(model.analyse(x_BCHW)))
    assert psnr_db(image, as_in_a_notebook) > 50.0

    entropy = fit_factorised(lambda _level: np.zeros((24, 1), np.int16))
    config = WeightsConfig(family=FAMILY.id, name="leaking", network={"kind": "convolutional"})
    file = parse_weights(export(model, entropy, config), where="test")
    (encoded,) = GridCodec(LEAKING, understand(file, LEAKING), device=CPU).encode(
        [image], EncodeOptions(quality=63)
    )
    assert len(encoded.payload) < 60  # an envelope, and no bits to speak of
    elsewhere = GridCodec(LEAKING, understand(file, LEAKING), device=CPU)
    assert psnr_db(image, elsewhere.decode([encoded.payload])[0].pixels) < 20.0
