"""From shard rows to images: payloads decoded, their checksums compared."""

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
        """Decode coded rows, in batches of those that share a codec.

        Args:
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
                raise ValueError(
                    f"Expected coded rows with payloads, got {row.key!r} of status {row.status}."
                )
            numbers[row.codec].append(number)
        images: dict[int, Image] = {}
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
        carried=unpack_carried(row.carried),
    )
