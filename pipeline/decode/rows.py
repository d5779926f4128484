"""From shard rows to images: payloads decoded, their checksums compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from codec.contract import RGB, Codec
from pipeline.decode.resident_codecs import ResidentCodecs
from pipeline.errors import DamagedError
from pipeline.image.read import from_rgb
from pipeline.types import Image, ShardRow

_GREY_MODES = ("1", "L", "LA")


def decode_rows(codecs: ResidentCodecs, rows: Sequence[ShardRow]) -> list[Image]:
    """Decode coded rows, in batches of those that share a codec.

    Args:
        codecs: those of the rows' archive.
        rows: of status coded, with their payloads.
    Returns:
        The images, in the order of `rows`.
    Raises:
        DamagedError: a payload decodes to other latents, or another size, than were encoded.
        ArchiveError: the archive lacks the weights of a payload, or they are damaged.
        CodecError: no such codec here, or a payload that is not its bitstream.
    """
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if row.status != "coded" or row.codec is None or row.payload is None:
            raise ValueError(f"Expected coded rows with payloads, got {row.key!r} of status {row.status}.")
        numbers[row.codec].append(number)
    images: dict[int, Image] = {}
    for codec_id, at in numbers.items():
        same = [rows[number] for number in at]
        decoded = codecs.use(codec_id, partial(_decode_checked, rows=same))
        images.update(zip(at, decoded, strict=True))
    return [images[number] for number in range(len(rows))]


def _decode_checked(codec: Codec, rows: Sequence[ShardRow]) -> list[Image]:
    decoded = codec.decode([row.payload or b"" for row in rows])
    for row, one in zip(rows, decoded, strict=True):
        if one.symbols_crc32 != row.symbols_crc32:
            raise DamagedError(
                f"Expected latents with CRC {row.symbols_crc32} for {row.key!r}, got {one.symbols_crc32} from "
                f"{codec.id} on this machine, though the payload is whole. Are these the weights it was encoded with?"
            )
    return [_image(row, one.pixels) for row, one in zip(rows, decoded, strict=True)]


def _image(row: ShardRow, rgb: RGB) -> Image:
    if rgb.shape[:2] != (row.height, row.width):
        raise DamagedError(
            f"Expected {row.width}x{row.height} pixels for {row.key!r}, got {rgb.shape[1]}x{rgb.shape[0]} "
            f"from its payload: the catalogue and the shard of run {row.run} do not belong together."
        )
    return Image(
        pixels=from_rgb(rgb, grey=row.mode in _GREY_MODES),
        source_format=row.source_format or "",
        mode=row.mode or "",
        bit_depth=row.bit_depth or 8,
        orientation=row.orientation,
        exif=row.exif,
        icc=row.icc,
        xmp=row.xmp,
        alpha=row.alpha,
    )
