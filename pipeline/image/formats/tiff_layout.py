"""What the samples of a TIFF picture are, and where they lie: tags that make pixels."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import SourceError
from pipeline.image.formats.header import depth_reason
from pipeline.image.formats.tiff_directory import SHORT, Tag

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR, PREDICTOR = 273, 277, 278, 279, 284, 317
COLOUR_MAP, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES = 320, 322, 323, 324, 325
EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES = 338, 339, 347
YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, YCBCR_POSITIONING, REFERENCE_BLACK_WHITE = 529, 530, 531, 532

LAYOUT = frozenset(
    {
        *(WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, PLANAR, PREDICTOR, COLOUR_MAP),
        *(STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTES),
        *(EXTRA_SAMPLES, SAMPLE_FORMAT, JPEG_TABLES),
        *(YCBCR_COEFFICIENTS, YCBCR_SUBSAMPLING, YCBCR_POSITIONING, REFERENCE_BLACK_WHITE),
    }
)
"""Tags that have done their work once the picture is decoded, but for `TiffLayout.idle_tags`."""

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
RAW, JPEG = 1, 7
DEFLATE = (8, 32946)
"""As it is numbered, and was first."""
_COMPRESSIONS = frozenset((RAW, 5, JPEG, *DEFLATE, 32773, 50000))
"""None, LZW, JPEG, Deflate, PackBits, Zstandard."""
_PREDICTED = frozenset((5, *DEFLATE, 50000))
_UNASSOCIATED_ALPHA = 2
_WITH_ALPHA = ((BLACK_IS_ZERO, False), (RGB, False), (RGB, True))
"""Photometric interpretations, and whether planar, beside which the decoder reads alpha."""
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_MAX_TILE_PIXELS = 4096 * 4096

_COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, YCBCR: 3}
"""Colour samples of a pixel, by the photometric interpretations that are decoded."""
_PLAIN_COEFFICIENTS = (0.299, 0.587, 0.114)
_PLAIN_BLACK_WHITE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffLayout:
    """The samples of a picture."""

    width: int
    height: int
    bits: tuple[int, ...]
    photometric: int
    compression: int
    sample_format: int
    extra: tuple[int, ...]
    is_planar: bool
    tile: tuple[int, int] | None
    """Width and height of a tile; None for strips."""
    rows_per_strip: int

    @property
    def samples(self) -> int:
        """Of a pixel."""
        return len(self.bits)

    @property
    def mode(self) -> str:
        """Pillow's mode, as near as it has one."""
        depth, alpha = max(self.bits), "A" if self.extra == (_UNASSOCIATED_ALPHA,) else ""
        if self.sample_format == _FLOAT:
            return "F"
        if self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
            deep = {1: "1", 16: "I;16", 32: "I"}.get(depth)
            return deep if deep and self.samples == 1 else "L" + alpha
        names = {RGB: "RGB" + alpha, PALETTE: "P", 5: "CMYK", YCBCR: "RGB", 8: "LAB"}
        return names.get(self.photometric, f"photometric {self.photometric}")

    def chunk(self) -> tuple[int, int, int]:
        """Width and height of a strip or tile, and how many there are."""
        width, height = self.tile or (self.width, min(self.rows_per_strip, self.height))
        across, down = -(-self.width // width), -(-self.height // height)
        return width, height, across * down * (self.samples if self.is_planar else 1)

    def rows_of(self, index: int) -> int:
        """Rows of a strip or tile."""
        _, height, _ = self.chunk()
        if self.tile is not None:
            return height
        return min(height, self.height - index % -(-self.height // height) * height)

    def idle_tags(self) -> frozenset[int]:
        """Tags of a layout that make nothing of this picture, whatever they hold."""
        tables = () if self.compression == JPEG else (JPEG_TABLES,)
        colours = () if self.photometric == PALETTE else (COLOUR_MAP,)
        chroma = () if self.photometric == YCBCR else (YCBCR_SUBSAMPLING, YCBCR_POSITIONING)
        return frozenset((*tables, *colours, *chroma))

    def row_bytes(self) -> int:
        """Bytes of a row of a strip or tile before it is compressed."""
        return -(-self.chunk()[0] * (self.bits[0] if self.is_planar else sum(self.bits)) // 8)


def tiff_layout(tags: Mapping[int, Tag]) -> TiffLayout:
    """Read the tags that describe samples.

    Raises:
        SourceError: sizes are missing, zero, or such as no picture has.
    """

    def one(number: int, default: int = 0) -> int:
        numbers = tags[number].numbers if number in tags else ()
        return numbers[0] if numbers else default

    width, height, samples = one(WIDTH), one(HEIGHT), one(SAMPLES, 1)
    if not width or not height or not samples:
        raise SourceError(f"damaged TIFF: the directory says {width}x{height} pixels of {samples} samples")
    bits = tags[BITS].numbers if BITS in tags else (1,)
    if len(bits) == 1:
        bits *= min(samples, 65_535)
    if len(bits) != samples or not all(0 < depth <= 64 for depth in bits):
        raise SourceError(f"damaged TIFF: {samples} samples a pixel, and bits for {len(bits)}")
    formats = set(tags[SAMPLE_FORMAT].numbers) if SAMPLE_FORMAT in tags else {_UNSIGNED}
    tile = (one(TILE_WIDTH), one(TILE_HEIGHT)) if TILE_WIDTH in tags or TILE_HEIGHT in tags else None
    if tile is not None and not 0 < tile[0] * tile[1] <= max(_MAX_TILE_PIXELS, 4 * width * height):
        raise SourceError(
            f"damaged TIFF: tiles of {tile[0] * tile[1]:,} pixels in a picture of {width}x{height}"
        )
    return TiffLayout(
        width=width,
        height=height,
        bits=bits,
        photometric=one(PHOTOMETRIC, -1),
        compression=one(COMPRESSION, RAW),
        sample_format=formats.pop() if len(formats) == 1 else 0,
        extra=tags[EXTRA_SAMPLES].numbers if EXTRA_SAMPLES in tags else (),
        is_planar=one(PLANAR, 1) == 2 and samples > 1,
        tile=tile,
        rows_per_strip=one(ROWS_PER_STRIP) or 2**32 - 1,
    )


def layout_reason(layout: TiffLayout, tags: Mapping[int, Tag]) -> str | None:
    """Why the samples cannot be coded; None when they are 8-bit grey, colour or a palette, and at most alpha."""
    depth = max(layout.bits)
    if layout.sample_format != _UNSIGNED:
        names = {_SIGNED: f"signed {depth}-bit integer samples", _FLOAT: "floating-point samples"}
        return names.get(layout.sample_format, f"samples of format {layout.sample_format}")
    if depth > 8:
        return depth_reason(depth)
    return (
        _colour_reason(layout)
        or _meaning_reason(layout, tags)
        or _compression_reason(layout, tags)
        or (_palette_reason(tags) if layout.photometric == PALETTE else None)
    )


def _colour_reason(layout: TiffLayout) -> str | None:
    names = {5: "CMYK colour (four channels)", 8: "CIELAB colour", 4: "a transparency mask"}
    if layout.photometric in names:
        return names[layout.photometric]
    colours = _COLOURS.get(layout.photometric)
    if colours is None:
        return f"photometric interpretation {layout.photometric}"
    if layout.samples != colours + len(layout.extra) or len(layout.extra) > 1:
        return f"{layout.samples} bands, of which {colours} make a colour"
    if layout.extra not in ((), (_UNASSOCIATED_ALPHA,)):
        return {1: "premultiplied alpha"}.get(layout.extra[0], "a band that is neither colour nor alpha")
    if layout.bits == (1,) and layout.photometric != PALETTE:
        return "bilevel (1-bit) samples"
    small = (1, 2, 4, 8) if layout.photometric == PALETTE else (2, 4, 8)
    alone = (8,) if len(layout.bits) > 1 else small
    if not set(layout.bits) <= set(alone):
        return f"{min(layout.bits)}-bit samples"
    if layout.extra and (layout.photometric, layout.is_planar) not in _WITH_ALPHA:
        return f"alpha beside samples of photometric interpretation {layout.photometric}"
    return None


def _meaning_reason(layout: TiffLayout, tags: Mapping[int, Tag]) -> str | None:
    if layout.photometric == YCBCR and layout.compression != JPEG:
        return "YCbCr samples"
    if FILL_ORDER in tags and tags[FILL_ORDER].numbers != (1,):
        return "bits in reversed order"
    if not _is_plain(tags.get(YCBCR_COEFFICIENTS), _PLAIN_COEFFICIENTS):
        return "YCbCr coefficients of its own"
    if not _is_plain(tags.get(REFERENCE_BLACK_WHITE), _PLAIN_BLACK_WHITE):
        return "reference levels of its own"
    return None


def _compression_reason(layout: TiffLayout, tags: Mapping[int, Tag]) -> str | None:
    if layout.compression not in _COMPRESSIONS:
        return f"compression {layout.compression}, which is not decoded here"
    if layout.compression == JPEG and (layout.photometric == PALETTE or set(layout.bits) != {8}):
        return "JPEG data of samples that are no colours"
    predictor = tags[PREDICTOR].numbers if PREDICTOR in tags else (1,)
    if predictor != (1,) and (
        predictor != (2,) or layout.compression not in _PREDICTED or set(layout.bits) != {8}
    ):
        return f"predictor {predictor[:1]} with compression {layout.compression}"
    return None


def _palette_reason(tags: Mapping[int, Tag]) -> str | None:
    """Decoders take the high byte of each of the 16-bit entries."""
    entries = tags[COLOUR_MAP].numbers if COLOUR_MAP in tags and tags[COLOUR_MAP].type == SHORT else ()
    if not entries:
        return "a palette without colours"
    is_exact = all(entry & 0xFF in (0, entry >> 8) for entry in entries)
    return None if is_exact else "a palette of 16-bit colours"


def _is_plain(tag: Tag | None, expected: tuple[float, ...]) -> bool:
    if tag is None:
        return True
    values = rationals(tag)
    return len(values) == len(expected) and all(
        abs(value - wanted) < 0.0015 for value, wanted in zip(values, expected, strict=True)
    )


def rationals(tag: Tag) -> tuple[float, ...]:
    """The values of a tag of unsigned fractions; none of another type."""
    if tag.type != 5:
        return ()
    parts = struct.unpack(f"{tag.order}{2 * tag.count}I", tag.value)
    return tuple(
        numerator / denominator if denominator else 0.0
        for numerator, denominator in zip(parts[::2], parts[1::2], strict=True)
    )
