"""From shard rows to images: payloads decoded or unpacked, their checksums compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from codec.codec import Codec
from codec.contract import FAITHFUL, RGB
from codec.errors import BitstreamError, TruncatedError, UnknownWeightsError
from codec.head import Head, Seen
from codec.opened import Opened
from codec.whole_picture import WholePicture
from pipeline.decode.opened_image import GREY_MODES, OpenedImage, open_file, open_pixels
from pipeline.decode.resident_codecs import ResidentCodecs
from pipeline.errors import ArchiveError, DamagedError
from pipeline.image.carried import unpack_carried
from pipeline.image.read import ReadLimits, from_rgb
from pipeline.packing.registry import pixel_packing
from pipeline.store.storage import Storage
from pipeline.types import Image, ShardRow

PIXELS_TOGETHER: Final = 8_000_000
"""Of images that are decoded together, where nobody says how much memory there is."""
_LIMITS: Final = ReadLimits()


class RowDecoder:
    """Decodes the payloads of one archive with the codecs that it keeps loaded. Safe to use from several threads."""

    def __init__(self, archive: Storage, *, device: str = "auto") -> None:
        """Load and contact nothing yet.

        Args:
            archive: where weights are read that are not shipped.
            device: `auto`, `cpu`, `cuda`, ...: where codecs are loaded.
        """
        self._codecs = ResidentCodecs(archive, device=device)

    def decode(self, rows: Sequence[ShardRow], *, decoder: str = FAITHFUL) -> list[Image]:
        """Decode coded rows, in batches of those that share a codec, and unpack lossless ones.

        Args:
            rows: of status coded or lossless, with their payloads.
            decoder: of their codecs: what shows the coded ones.
        Returns:
            The images, in the order of `rows`.
        Raises:
            DamagedError: a payload decodes to other latents, or another size, than were encoded.
            NewerFormatError: a lossless payload is packed in a way that is not known here.
            ArchiveError: the archive lacks the weights of a payload, or they are damaged.
            CodecError: no such codec here, or a payload that is not its bitstream; no such decoder, or none for the
                weights that made the payload.
        """
        numbers: dict[str, list[int]] = defaultdict(list)
        images: dict[int, Image] = {}
        for number, row in enumerate(rows):
            if row.status == "lossless":
                images[number] = _unpacked(row)
                continue
            codec_id, _ = _coded(row)
            numbers[codec_id].append(number)
        for codec_id, of_codec in numbers.items():
            batch = [rows[number] for number in of_codec]
            decoded = self._codecs.use(
                codec_id, partial(_decode_checked, rows=batch, decoder=decoder), decoder=decoder
            )
            images.update(zip(of_codec, decoded, strict=True))
        return [images[number] for number in range(len(rows))]

    def decode_prefix(self, row: ShardRow) -> Image:
        """What the first bytes of a payload show.

        Args:
            row: with as much of its payload as was read.
        Raises:
            ArchiveError: it is not coded, or the first bytes are too few or damaged; or as `decode`.
            DamagedError: the payload does not belong to the row.
            CodecError: payloads of its codec show nothing until they are whole.
        """
        if row.status != "coded":
            raise ArchiveError(
                f"Expected a coded image under key {row.key!r}, got one that is {row.status}: it shows nothing until "
                "all of it is read. Ask for it without a number of bytes."
            )
        codec_id, payload = _coded(row)
        try:
            shown = self._codecs.use(codec_id, lambda codec: codec.decode_prefix(payload))
        except UnknownWeightsError:
            raise
        except TruncatedError as error:
            raise ArchiveError(
                f"Expected at least {error.least} first bytes of {row.key!r}, got {len(payload)}: fewer show nothing. "
                f"Ask for `--first-bytes {error.least}` or more (in Python `first_bytes`)."
            ) from error
        except BitstreamError as error:
            raise ArchiveError(
                f"Expected first bytes of {row.key!r} that show something, got {len(payload)} of them: {error}. Ask "
                "for more."
            ) from error
        return _of_rgb(row, shown.pixels, None)

    def open(self, row: ShardRow, *, limits: ReadLimits = _LIMITS, decoder: str = FAITHFUL) -> OpenedImage:
        """One image for pictures of any size and any part of it; most of the work is done when those are asked for.

        Args:
            row: of any status but failed, with its payload, whose checksum was compared when it was read.
            limits: how many pixels of a kept or bounded file may be decoded: of a larger one nothing is.
            decoder: of its codec: what shows it where it is coded.
        Raises:
            DamagedError: the payload does not belong to the row, or does not unpack.
            ArchiveError: there is no picture to see in the file that was kept, or too large a one; the archive lacks
                the weights of a payload, or they are damaged.
            NewerFormatError, CodecError: as `decode`.
        """
        if row.status in ("kept", "bounded"):
            return open_file(row, limits)
        if row.status == "lossless":
            height, width, channels = _shape(row)
            unpack = WholePicture(width, height, lambda: _unpacked(row).pixels, channels=channels)
            return open_pixels(row, unpack)
        codec_id, payload = _coded(row)

        def opened(codec: Codec) -> tuple[Opened, bool]:
            return codec.open(payload, decoder=decoder), codec.named_decoder(decoder).generates

        colour, generates = self._codecs.use(codec_id, opened, decoder=decoder)
        _check_size(row, colour.width, colour.height)
        return open_pixels(row, colour, generated_by=decoder if generates else None)

    def latents(self, codec_id: str, payload: bytes) -> npt.NDArray[np.float32]:
        """The dequantised latents of a payload, (C, h, w), without running the synthesis network.

        Raises:
            ArchiveError, CodecError: as `decode`.
        """
        return self._codecs.use(codec_id, lambda codec: codec.latents(payload))

    def see(self, rows: Sequence[ShardRow]) -> list[Seen]:
        """What the head of their codec sees in coded rows of one codec; no picture is decoded.

        Raises:
            ArchiveError, CodecError: as `decode`; a codec without a head for them raises NoHeadError.
        """
        return [self.see_payload(*_coded(row), row.orientation) for row in rows]

    def see_payload(self, codec_id: str, payload: bytes, orientation: int | None) -> Seen:
        """The same of one payload, of an image of that EXIF orientation.

        Raises:
            ArchiveError, CodecError: as `see`.
        """
        return self._codecs.use(codec_id, lambda codec: codec.see([payload], [orientation])[0])

    def head(self, codec_id: str) -> Head:
        """The head of a codec.

        Raises:
            NoHeadError: it has none.
            UnknownCodecError: no codec has that id.
        """
        return self._codecs.use(codec_id, Codec.required_head)

    def forget_decoder(self, decoder: str) -> None:
        """See anew what the archive keeps of a decoder, when it is next asked for."""
        self._codecs.forget_decoder(decoder)

    def forget_decoders(self) -> None:
        """The same of all of them."""
        self._codecs.forget_decoders()

    def first_latents(self, rows: Sequence[ShardRow], channels: int | None) -> list[npt.NDArray[np.float32]]:
        """The first channels of the dequantised latents of coded rows of one codec, (channels, h, w) each: small images
        of one size together, and no more of any than is needed.

        Args:
            rows: with their payloads.
            channels: None for all.
        Raises:
            ArchiveError, CodecError: as `decode`.
        """
        payloads = [_coded(row)[1] for row in rows]
        codec_ids = {_coded(row)[0] for row in rows}
        if not codec_ids:
            return []
        (codec_id,) = codec_ids
        return self._codecs.use(codec_id, lambda codec: codec.first_latents(payloads, channels))


def _coded(row: ShardRow) -> tuple[str, bytes]:
    """Codec and payload of a coded row."""
    if row.status != "coded" or row.codec is None or row.payload is None:
        raise ValueError(f"Expected coded rows with payloads, got {row.key!r} of status {row.status}.")
    return row.codec, row.payload


def _decode_checked(codec: Codec, rows: Sequence[ShardRow], decoder: str) -> list[Image]:
    decoded = codec.decode([row.payload or b"" for row in rows], decoder=decoder)
    for row, one in zip(rows, decoded, strict=True):
        if one.symbols_crc32 != row.symbols_crc32:
            raise DamagedError(
                f"Expected latents with CRC {row.symbols_crc32} for {row.key!r}, got {one.symbols_crc32} from "
                f"{codec.id} on this machine, though the payload is whole. Are these the weights it was encoded with?"
            )
    generated_by = decoder if codec.named_decoder(decoder).generates else None
    return [_of_rgb(row, one.pixels, generated_by) for row, one in zip(rows, decoded, strict=True)]


def _of_rgb(row: ShardRow, rgb: RGB, generated_by: str | None) -> Image:
    _check_size(row, rgb.shape[1], rgb.shape[0])
    return _image(row, from_rgb(rgb, grey=row.mode in GREY_MODES), generated_by)


def _check_size(row: ShardRow, width: int, height: int) -> None:
    if (width, height) != (row.width, row.height):
        raise DamagedError(
            f"Expected {row.width}x{row.height} pixels for {row.key!r}, got {width}x{height} "
            f"from its payload: the catalogue and the shard of run {row.run} do not belong together."
        )


def _shape(row: ShardRow) -> tuple[int, int, int]:
    """(H, W, C) of a lossless row's pixels."""
    if not row.width or not row.height:
        raise DamagedError(f"Expected the size of packed pixels for {row.key!r}, got none in its row.")
    return row.height, row.width, 1 if row.mode in GREY_MODES else 3


def _unpacked(row: ShardRow) -> Image:
    shape = _shape(row)
    if row.packing is None or row.payload is None:
        raise DamagedError(f"Expected packed pixels for {row.key!r}, got none in its row.")
    try:
        return _image(row, pixel_packing(row.packing).unpack(row.payload, shape))
    except DamagedError as error:
        raise DamagedError(
            f"Expected the pixels of {row.key!r} packed as {row.packing}, got a payload that does not give them: "
            f"{error} Restore its shard from a copy, or compress {row.source_url} again."
        ) from error


def _image(row: ShardRow, pixels: npt.NDArray[np.uint8], generated_by: str | None = None) -> Image:
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
        generated_by=generated_by,
    )
