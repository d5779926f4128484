"""What the weights file of a decoder says before its tensors: which decoder, and whose payloads. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codec.errors import WeightsError
from codec.family import Family
from codec.preset import preset_names
from codec.weights_file import SUFFIX, config_of, digest_of
from codec.weights_role import DECODER, check_role, said_by


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderFile:
    """One of them."""

    decoder: str
    """As `--decoder` takes it."""
    name: str
    """For people."""
    shows: str
    """Digest of the weights whose payloads it shows, hexadecimal."""
    generates: bool
    """Whether its pictures show what no payload says."""
    digest: str
    """Of the file, hexadecimal."""
    num_bytes: int


def read_decoder_file(data: bytes, *, where: str) -> DecoderFile:
    """What a file says.

    Args:
        where: for messages.
    Raises:
        WeightsError: it is damaged, or not a decoder's.
    """
    config = said_by(config_of(data, where=where), where=where)
    check_role(config, DECODER, where=where)
    try:
        return DecoderFile(
            decoder=config["decoder"],
            name=config["name"],
            shows=bytes.fromhex(config["for"]).hex(),
            generates=config["generates"],
            digest=digest_of(data).hex(),
            num_bytes=len(data),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"expected the weights of a decoder in {where}, got {error!r}") from error


def shipped_decoders(family: Family) -> Iterator[tuple[DecoderFile, bytes]]:
    """Those that ship with a family, by the names of their files, each with its bytes.

    Raises:
        WeightsError: one is damaged, or not a decoder's.
    """
    for path in sorted(family.shipped_decoders.glob(f"*{SUFFIX}")):
        data = path.read_bytes()
        yield read_decoder_file(data, where=str(path)), data


def presets_by_digest(family: Family) -> dict[str, str]:
    """The presets of a family by the digests of their files, hexadecimal."""
    return {digest_of(family.weights_path(name).read_bytes()).hex(): name for name in preset_names(family)}
