"""From shard rows to images: payloads decoded or unpacked, their checksums compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from codec.contract import RGB, Codec
from pipeline.decode.resident_codecs import ResidentCodecs
from pipeline.errors import DamagedError
from pipeline.image.carried import unpack_carried
from pipeline.image.read import from_rgb
from pipeline.packing.registry import pixel_packing
from pipeline.store.storage import Storage
from pipeline.types import Image, ShardRow

_GREY_MODES = ("1", "L", "LA")


class RowDecoder:
    """Decodes the payloads of one archive with the codecs that it keeps loaded. Safe to use from several threads."""

    def __init__(self, archive: Storage, *, device: str = "auto") -> None:
        """Load and contact nothing yet.

        Args:
            archive: where weights are read that are not shipped.
            device: `auto`, `cpu`, `cuda`, ...: where codecs are loaded.
        """
        self._codecs = ResidentCodecs(archive, device=device)

    def decode(self, rows: Sequence[ShardRow]) -> list[Image]:
        """Decode coded rows, in batches of those that share a codec, and unpack lossless ones.

        Args:
            rows: of status coded or lossless, with their payloads.
        Returns:
            The images, in the order of `rows`.
        Raises:
            DamagedError: a payload decodes to other latents, or another size, than were encoded.
            NewerFormatError: a lossless payload is packed in a way that is not known here.
            ArchiveError: the archive lacks the weights of a payload, or they are damaged.
            CodecError: no such codec here, or a payload that is not its bitstream.
        """
        numbers: dict[str, list[int]] = defaultdict(list)
        images: dict[int, Image] = {}
        for number, row in enumerate(rows):
            if row.status == "lossless":
                images[number] = _unpacked(row)
                continue
            if row.status != "coded" or row.codec is None or row.payload is None:
                raise ValueError(
                    f"Expected coded rows with payloads, got {row.key!r} of status {row.status}."
                )
            numbers[row.codec].append(number)
        for codec_id, of_codec in numbers.items():
            batch = [rows[number] for number in of_codec]
            decoded = self._codecs.use(codec_id, partial(_decode_checked, rows=batch))
            images.update(zip(of_codec, decoded, strict=True))
        return [images[number] for number in range(len(rows))]

    def latents(self, codec_id: str, payload: bytes) -> npt.NDArray[np.float32]:
        """The dequantised latents of a payload, (C, h, w), without running the synthesis network.

        Raises:
            ArchiveError, CodecError: as `decode`.
        """
        return self._codecs.use(codec_id, lambda codec: codec.latents(payload))


def _decode_checked(codec: Codec, rows: Sequence[ShardRow]) -> list[Image]:
    decoded = codec.decode([row.payload or b"" for row in rows])
    for row, one in zip(rows, decoded, strict=True):
        if one.symbols_crc32 != row.symbols_crc32:
            raise DamagedError(
                f"Expected latents with CRC {row.symbols_crc32} for {row.key!r}, got {one.symbols_crc32} from "
                f"{codec.id} on this machine, though the payload is whole. Are these the weights it was encoded with?"
            )
    return [_of_rgb(row, one.pixels) for row, one in zip(rows, decoded, strict=True)]


def _of_rgb(row: ShardRow, rgb: RGB) -> Image:
    if rgb.shape[:2] != (row.height, row.width):
        raise DamagedError(
            f"Expected {row.width}x{row.height} pixels for {row.key!r}, got {rgb.shape[1]}x{rgb.shape[0]} "
            f"from its payload: the catalogue and the shard of run {row.run} do not belong together."
        )
    return _image(row, from_rgb(rgb, grey=row.mode in _GREY_MODES))


def _unpacked(row: ShardRow) -> Image:
    if row.packing is None or row.payload is None or not row.width or not row.height:
        raise DamagedError(f"Expected packed pixels and their size for {row.key!r}, got none in its row.")
    shape = (row.height, row.width, 1 if row.mode in _GREY_MODES else 3)
    try:
        return _image(row, pixel_packing(row.packing).unpack(row.payload, shape))
    except DamagedError as error:
        raise DamagedError(
            f"Expected the pixels of {row.key!r} packed as {row.packing}, got a payload that does not give them: "
            f"{error} Restore its shard from a copy, or compress {row.source_url} again."
        ) from error


def _image(row: ShardRow, pixels: npt.NDArray[np.uint8]) -> Image:
    return Image(
        pixels=pixels,
        source_format=row.source_format or "",
        mode=row.mode or "",
        bit_depth=row.bit_depth or 8,
        orientation=row.orientation,
        exif=row.exif,
        icc=row.icc,
        xmp=row.xmp,
        alpha=row.alpha,
        carried=unpack_carried(row.carried),
    )
