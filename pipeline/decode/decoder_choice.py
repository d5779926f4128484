"""The decoders that may show an image, so far as its row tells, and how long a picture of one stays what it is."""

from __future__ import annotations

from codec.contract import FAITHFUL
from codec.errors import UnknownCodecError
from codec.family import OtherDecoder
from codec.registry import family_of
from pipeline.own_code import VERSION
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


def shown_by(decoder: str) -> tuple[str, ...]:
    """What the name of a picture that is kept must say of its decoder beside what is stored: nothing of the faithful
    one; of another also the release, since other weights may ship for it with the next one."""
    return () if decoder == FAITHFUL else (decoder, VERSION)
