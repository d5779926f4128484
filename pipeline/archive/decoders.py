"""The decoders that an archive is to be viewed with, kept in it: they show the same whatever later releases ship.

ARCHIVE/codec/decoders/<decoder>/<for>/<digest>.safetensors     <for>: digest of the weights whose payloads it shows

Of one name for the same weights there is one. No payload needs it: without it every image decodes as before.
"""

from __future__ import annotations

from codec.weights_file import digest_of
from pipeline.archive.layout import DECODERS_FOLDER, DecoderPlace, decoder_at
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage


def stored_decoders(archive: Storage, name: str | None = None) -> list[DecoderPlace]:
    """Those of an archive, sorted: of a name, or all."""
    folder = DECODERS_FOLDER if name is None else f"{DECODERS_FOLDER}/{name}"
    places = (decoder_at(info.path) for info in archive.list(folder))
    return sorted(place for place in places if place is not None)


def read_decoder(archive: Storage, place: DecoderPlace) -> bytes:
    """The weights file of one of them.

    Raises:
        DamagedError: its content is not what its name says.
        FileNotFoundError: it has gone.
    """
    data = archive.read(place.path)
    if (found := digest_of(data)) != place.digest:
        raise DamagedError(
            f"Expected weights with digest {place.digest.hex()} in {place.path} of the archive at {archive.url}, got "
            f"{found.hex()}: the file is damaged. `tenfold repair` puts back what this release ships; else copy it "
            f"back from a backup, or take it out with `tenfold decoders ARCHIVE --remove {place.name}`."
        )
    return data


def store_decoder(archive: Storage, data: bytes, *, name: str, shows: bytes) -> bool:
    """Keep a decoder's weights file; False where the archive has one of that name for these weights, which stays."""
    if any(place.shows == shows for place in stored_decoders(archive, name)):
        return False
    archive.write(DecoderPlace(name=name, shows=shows, digest=digest_of(data)).path, data)
    return True


def remove_decoders(archive: Storage, name: str) -> list[DecoderPlace]:
    """Take those of a name out of an archive, and say which there were."""
    places = stored_decoders(archive, name)
    for place in places:
        archive.delete(place.path)
    return places
