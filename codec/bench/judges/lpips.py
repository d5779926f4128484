"""LPIPS, by its authors' AlexNet and by their VGG16: `codec/perception/lpips.py`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from codec.bench.judges.judge import MOST_PIXELS, Judge, middle, refuse_small
from codec.contract import RGB
from codec.perception.packaged import LPIPS_ALEXNET, LPIPS_VGG16

if TYPE_CHECKING:  # torch: only where it is asked for
    from codec.perception.lpips import Network

_SOURCE: Final = (
    "Zhang, Isola, Efros, Shechtman, Wang 2018, The unreasonable effectiveness of deep features as a perceptual "
    "metric, weights v0.1"
)
_MOST_PIXELS: Final[dict[Network, int]] = {"AlexNet": MOST_PIXELS, "VGG16": 100_000}
"""VGG16 takes a core some 12 s a megapixel and picture: it looks at the middle of nearly all."""


def lpips(network: Network, original: RGB, decoded: RGB) -> float:
    """The distance by one of its networks, of large pictures of their middle.

    Raises:
        WeightsError: the package with the weights is not here.
        NoScoreError: the picture is too small for the network.
    """
    from codec.bench.judges.judging import judging
    from codec.colour import pixels_to_rgb
    from codec.perception.lpips import SHORTEST_SIDE, load_lpips

    refuse_small(original, SHORTEST_SIDE[network])
    with judging():
        pair = (pixels_to_rgb(middle(one, _MOST_PIXELS[network])) for one in (original, decoded))
        return float(load_lpips(network)(*pair))


LPIPS_ALEX: Final = Judge(
    name="LPIPS (AlexNet)",
    better="lower",
    source=_SOURCE,
    blind_to="It takes texture that was invented for texture that was there, and hardly sees a faint regular hatch.",
    missing=LPIPS_ALEXNET.missing,
    of_pair=partial(lpips, "AlexNet"),
)
LPIPS_VGG: Final = Judge(
    name="LPIPS (VGG)",
    better="lower",
    source=_SOURCE,
    blind_to="As with AlexNet, whose scores are on another scale; it looks at the middle 0.1 megapixels of a picture.",
    missing=LPIPS_VGG16.missing,
    of_pair=partial(lpips, "VGG16"),
)
