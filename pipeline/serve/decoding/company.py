"""Small images that wait are decoded together, weighted by their pixels: what a call of a network costs whatever it is
for, they share.

On a core, sixteen of 128x128 take 2.7 times as long one by one as together, those of 64x64 nine times, those of 256x256
a fifth longer, and larger ones gain nothing.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Collection, Iterable, Iterator
from typing import Final, Protocol, TypeVar

from pipeline.serve.decoding.contract import Made, NotMade
from pipeline.serve.image_id import image_id, opened_id
from pipeline.serve.view import View
from pipeline.types import CatalogueRow

_PIXELS_ON_A_CPU: Final = 262_144
_PIXELS_ON_A_GPU: Final = 2_097_152
"""Of all that are decoded together: as many as a codec runs in one call (codec/parts/company.py)."""
_SHARE: Final = 4
"""An image of more than a part in so many gains nothing."""


class Waiting(Protocol):
    """A view that somebody waits for, unless its outcome is there or nobody waits any more."""

    row: CatalogueRow
    outcome: Future[Made | NotMade]
    takes_company: bool

    @property
    def image(self) -> str:
        """Its id (image_id.py)."""
        ...


_Waiting = TypeVar("_Waiting", bound=Waiting)


def most_together(device: str) -> int:
    """Pixels that are decoded together on a device, at most."""
    return _PIXELS_ON_A_CPU if device == "cpu" else _PIXELS_ON_A_GPU


def gains_by_company(row: CatalogueRow, view: View | None, most_pixels: int) -> bool:
    """Whether an image is decoded for less beside others: a small one of which every pixel is needed, as the faithful
    decoder shows it.

    Args:
        view: what is shown of it; None for the file that is stored.
        most_pixels: of all together.
    """
    if row.status != "coded" or view is None or opened_id(row, view) != image_id(row):
        return False
    is_whole = view.denominator(row.width or 0, row.height or 0, row.orientation) == 1
    return is_whole and row.num_pixels * _SHARE <= most_pixels


def company_of(
    first: _Waiting, in_order: Iterable[_Waiting], taken: Collection[str], most_pixels: int
) -> Iterator[_Waiting]:
    """The first, and those that are decoded with it: in their order, each of another image, until one has no room.

    Args:
        in_order: all that wait.
        taken: images that somebody works on, or holds open.
        most_pixels: of all together.
    """
    images, room = {first.image}, most_pixels - first.row.num_pixels
    yield first
    for other in in_order:
        if not (first.takes_company and other.takes_company) or other.outcome.done():
            continue
        if other.image in images or other.image in taken:
            continue
        room -= other.row.num_pixels
        if room < 0:
            return
        images.add(other.image)
        yield other
