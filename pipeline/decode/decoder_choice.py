"""The decoders that may show an image, so far as its row tells."""

from __future__ import annotations

from codec.errors import UnknownCodecError
from codec.family import OtherDecoder
from codec.registry import family_of
from pipeline.types import CatalogueRow


def decoders_beside_faithful(row: CatalogueRow) -> tuple[OtherDecoder, ...]:
    """Those of its codec beside the faithful one. Whether there is one for the weights that it was coded with is known
    when it is decoded; an image that is not coded has none."""
    if row.codec is None or row.status != "coded":
        return ()
    try:
        return family_of(row.codec).decoders
    except UnknownCodecError:
        return ()
