"""Which decoders an archive keeps beside the faithful one; one more, or one less.

Nothing of an archive refers to them, so no lease is needed: an image decodes with them or without.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codec.decoder_file import read_decoder_file, shipped_decoders
from codec.decoder_name import name_in_files
from codec.near_names import did_you_mean
from codec.registry import families
from codec.weights_file import SUFFIX, digest_of
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.decoders import remove_decoders, store_decoder, stored_decoders
from pipeline.archive.layout import DecoderPlace
from pipeline.archive.weights import archived_digests, read_given_weights
from pipeline.errors import ConfigError
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDecoder:
    """The weights of one decoder in an archive."""

    decoder: str
    """As `--decoder` takes it."""
    shows: str
    """Digest of the weights whose payloads it shows, hexadecimal."""
    digest: str
    """Of its own."""
    path: str
    """Of the file, below the archive."""

    @classmethod
    def of(cls, place: DecoderPlace) -> KeptDecoder:
        """What lies at a place."""
        return cls(decoder=place.name, shows=place.shows.hex(), digest=place.digest.hex(), path=place.path)


def kept_decoders(archive: Storage) -> list[KeptDecoder]:
    """Those of an archive, sorted by name.

    Raises:
        NoArchiveError: there is none.
    """
    Catalogue(archive).version()
    return [KeptDecoder.of(place) for place in stored_decoders(archive)]


def add_decoder(archive: Storage, named: str) -> list[KeptDecoder]:
    """Keep a decoder for all weights of an archive that it is for, and say which ones of that name it then has.

    Args:
        named: one that ships with this release; or where a weights file lies, a path or URL.
    Raises:
        NoArchiveError: there is no archive.
        ConfigError: there is no such decoder, or none for the weights of this archive; or it has another one of that
            name for them.
        WeightsError: the file is not a decoder's.
    """
    Catalogue(archive).version()
    held = {digest.hex() for digest in archived_digests(archive)}
    offered = list(_offered(archive, named))
    fitting = [(name, shows, data) for name, shows, data in offered if shows in held]
    if not fitting:
        choices = ", ".join(sorted(held)) or "none"
        raise ConfigError(
            f"Expected a decoder for the weights that {archive.url} has, which are {choices}; got {named!r}, which is "
            f"for {', '.join(shows for _, shows, _ in offered)}. Train one for them, or name another."
        )
    kept = {(place.name, place.shows.hex()): place for place in stored_decoders(archive)}
    for name, shows, data in fitting:
        place = kept.get((name, shows))
        if place is not None and place.digest != digest_of(data):
            raise ConfigError(
                f"Expected no other decoder of that name in {archive.url}, got {place.path} for the same weights, "
                f"which stays; take it out first: `tenfold decoders {archive.url} --remove {name}`."
            )
    for name, shows, data in fitting:
        store_decoder(archive, data, name=name, shows=bytes.fromhex(shows))
    names = {name for name, _, _ in fitting}
    return [KeptDecoder.of(place) for place in stored_decoders(archive) if place.name in names]


def remove_decoder(archive: Storage, name: str) -> list[KeptDecoder]:
    """Take those of a name out of an archive, and say which there were.

    Raises:
        NoArchiveError: there is no archive.
        ConfigError: it has none of that name.
    """
    Catalogue(archive).version()
    removed = remove_decoders(archive, name)
    if not removed:
        choices = sorted({place.name for place in stored_decoders(archive)})
        raise ConfigError(
            f"Expected a decoder that {archive.url} keeps, one of {', '.join(choices) or 'none'}; got {name!r}"
            f"{did_you_mean(name, choices)}"
        )
    return [KeptDecoder.of(place) for place in removed]


def _offered(archive: Storage, named: str) -> Iterator[tuple[str, str, bytes]]:
    """(name, digest of the weights that it is for, file) of the decoders that are meant."""
    if named.endswith(SUFFIX):
        data = read_given_weights(named, archive.options)
        file = read_decoder_file(data, where=named)
        yield file.decoder, file.shows, data
        return
    shipped = [one for family in families().values() for one in shipped_decoders(family)]
    meant = [
        (file.decoder, file.shows, data) for file, data in shipped if file.decoder == name_in_files(named)
    ]
    if not meant:
        choices = sorted({file.decoder for file, _ in shipped})
        raise ConfigError(
            f"Expected a decoder whose weights ship with this release, one of {', '.join(choices) or 'none'}, or a "
            f"FILE{SUFFIX}; got {named!r}{did_you_mean(named, choices)}"
        )
    yield from meant
