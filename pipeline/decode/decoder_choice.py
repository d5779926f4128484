"""The decoders that may show an image, so far as its row tells, and how long a picture of one stays what it is."""

from __future__ import annotations

from collections.abc import Iterable

from codec.contract import FAITHFUL
from codec.decoder_file import shipped_decoders
from codec.decoder_name import name_in_files
from codec.errors import UnknownCodecError
from codec.family import OtherDecoder
from codec.registry import check_decoder, families, family_of
from codec.weights_file import config_of
from pipeline.archive.decoders import read_decoder, stored_decoders
from pipeline.archive.layout import DecoderPlace
from pipeline.own_code import VERSION
from pipeline.store.storage import Storage
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


def decoder_beside_faithful(row: CatalogueRow, name: str) -> OtherDecoder | None:
    """The one that a name asks for; None where its codec has none of that name.

    Raises:
        CodecConfigError: the name has a strength that cannot be.
    """
    others = (one.at(name) for one in decoders_beside_faithful(row) if one.name == name_in_files(name))
    return next(others, None)


def generates(decoder: str) -> bool:
    """Whether a decoder shows more than was stored.

    Raises:
        CodecConfigError: no codec here has such a decoder.
    """
    other = check_decoder(decoder)
    return other is not None and other.generates


def files_of(decoder: str, kept: Iterable[DecoderPlace]) -> tuple[str, ...]:
    """Digests, hexadecimal, of the weights files that an archive keeps of a decoder.

    Args:
        kept: decoders of the archive.
    """
    name = name_in_files(decoder)
    return tuple(place.digest.hex() for place in kept if place.name == name)


def configs_of_files(archive: Storage, decoder: str) -> list[str]:
    """What the weights files of a decoder say of themselves, as JSON: those that an archive keeps, and that ship.

    Raises:
        DamagedError, WeightsError: one is not what it was.
        StorageError: the store does not answer.
    """
    name = name_in_files(decoder)
    kept = (read_decoder(archive, place) for place in stored_decoders(archive, name))
    ships = (
        data
        for family in families().values()
        for file, data in shipped_decoders(family)
        if file.decoder == name
    )
    return [config_of(data, where=f"of the decoder {decoder}") for data in (*kept, *ships)]


def shown_by(decoder: str, files: Iterable[str]) -> tuple[str, ...]:
    """What the name of a picture that is kept must say of its decoder beside what is stored: nothing of the faithful
    one; of another its weights in the archive, and the release, since other weights may ship with the next one.

    Args:
        files: as `files_of`.
    """
    return () if decoder == FAITHFUL else (decoder, VERSION, *files)
