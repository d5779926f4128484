"""Read one image file from bytes: its pixels and metadata, or the reason why its original bytes must be kept.

This is the row boundary: whatever a file does, reading it returns. The header is checked before a pixel is decoded, and
no more pixels are decoded than the limit allows.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import PIL.Image

from codec.contract import RGB, as_rgb
from pipeline.errors import SourceError
from pipeline.image.formats.header import Header
from pipeline.image.formats.leftovers import LeftoverError
from pipeline.image.formats.pillow import READERS, let_pillow_decode, quiet_pillow
from pipeline.image.formats.pixels import DECODED_MODES, decode
from pipeline.image.formats.sniff import sniff
from pipeline.types import Image, Unmodelled


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """What may be decoded. Decoding takes 8 bytes of memory per pixel, of WebP and JPEG 2000 about 20."""

    max_pixels: int = 100_000_000
    """Larger images are kept as their original bytes."""


_DEFAULT_LIMITS = ReadLimits()

_DEEP_GREY = ("I;16", "I;16B", "I;16L", "I;16N")
_MODE_REASONS = {
    "1": "bilevel (1-bit) samples",
    "I": "32-bit integer samples",
    "F": "floating-point samples",
    "CMYK": "CMYK colour (four channels)",
    "LAB": "CIELAB colour",
    "RGBX": "a fourth channel of unknown meaning",
    **dict.fromkeys(_DEEP_GREY, "16-bit samples"),
}
_MODE_DEPTHS = {"1": 1, "I": 32, "F": 32, **dict.fromkeys(_DEEP_GREY, 16)}


def read_image(data: bytes, *, limits: ReadLimits = _DEFAULT_LIMITS) -> Image | Unmodelled:
    """Decode one image file, or say why its original bytes must be kept.

    Safe to call from several threads at once. The reason is for a person, without the name of the file.
    """
    kind = sniff(data)
    if kind.decoded_as is None:
        return Unmodelled(
            reason=kind.words,
            source_format=kind.source_format,
            fault=None if kind.is_image else "not an image",
        )
    name = kind.decoded_as
    try:
        with quiet_pillow():
            return _read(data, name, limits)
    except SourceError as error:
        return Unmodelled(reason=str(error), source_format=name, fault="damaged")
    except MemoryError:
        reason = f"not enough memory to decode this {name} file of {len(data):,} bytes"
        return Unmodelled(reason=reason, source_format=name)
    except Exception as error:  # noqa: BLE001 the row boundary: Pillow raises nearly everything on hostile bytes
        return Unmodelled(reason=_describe(name, error, len(data)), source_format=name, fault="damaged")


def to_rgb(image: Image) -> RGB:
    """The pixels as the codec takes them, (H, W, 3): grey is repeated."""
    return as_rgb(image.pixels)


def from_rgb(rgb: RGB, *, grey: bool) -> npt.NDArray[np.uint8]:
    """The codec's pixels as an `Image` holds them: (H, W, 3), or (H, W, 1) for grey.

    Grey is the rounded mean of the channels: of all greys the nearest to what was decoded.
    """
    if not grey:
        return rgb
    total = rgb.sum(axis=2, dtype=np.uint16, keepdims=True)
    mean: npt.NDArray[np.uint8] = ((total + 1) // 3).astype(np.uint8)
    return mean


def _read(data: bytes, name: str, limits: ReadLimits) -> Image | Unmodelled:
    let_pillow_decode(limits.max_pixels)
    parse, open_picture = READERS[name]
    header = parse(data)
    if (reason := _reason_to_keep(header, header.mode, limits)) is not None:
        if header.is_doubtful and header.width * header.height <= limits.max_pixels:
            with open_picture(header.stream) as picture:
                picture.load()
        return _unmodelled(header, header.mode, name, reason)
    picture = open_picture(header.stream)
    try:
        if (reason := _reason_to_keep(header, picture.mode, limits)) is not None:
            return _unmodelled(header, picture.mode, name, reason)
        if picture.size != (header.width, header.height):
            raise SourceError(
                f"damaged {name}: the header says {header.width}x{header.height} pixels, "
                f"the picture data {picture.width}x{picture.height}"
            )
        mode = header.mode if header.is_grey else picture.mode
        try:
            pixels, alpha = decode(picture, header)
        except LeftoverError as error:
            return _unmodelled(header, mode, name, str(error))
        if mode == "P" and pixels.shape[2] == 1:
            mode = (
                "L" if alpha is None else "LA"
            )  # a palette of greys: later readers see from the mode alone that it is grey
    finally:
        picture.close()
    return Image(
        pixels=pixels,
        source_format=name,
        mode=mode,
        orientation=header.orientation,
        exif=header.exif,
        icc=header.icc,
        xmp=header.xmp,
        alpha=None if alpha is None else _alpha_png(alpha),
        carried=header.carried,
    )


def _reason_to_keep(header: Header, mode: str, limits: ReadLimits) -> str | None:
    if header.width * header.height > limits.max_pixels:
        limit = f"{limits.max_pixels / 1e6:g} megapixels"
        return f"{header.width}x{header.height} pixels, over the limit of {limit}"
    if header.unmodelled is not None:
        return header.unmodelled
    if header.damage is not None:
        raise SourceError(header.damage)
    if (shortfall := header.account.shortfall()) is not None:
        return shortfall
    return None if mode in DECODED_MODES else _MODE_REASONS.get(mode, f"colour mode {mode}")


def _unmodelled(header: Header, mode: str, name: str, reason: str) -> Unmodelled:
    return Unmodelled(
        reason=reason,
        source_format=name,
        mode=mode,
        width=header.width or None,
        height=header.height or None,
        bit_depth=max(header.bit_depth, _MODE_DEPTHS.get(mode, 8)) if mode != "1" else 1,
        orientation=header.orientation,
    )


def _alpha_png(alpha: npt.NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(alpha).save(stream, "PNG", compress_level=6)
    return stream.getvalue()


def _describe(name: str, error: Exception, num_bytes: int) -> str:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    ended_early = isinstance(error, EOFError | struct.error) or isinstance(
        error.__cause__, EOFError | struct.error
    )
    if ended_early or "truncated" in text.lower():
        return f"truncated {name}: the data end too early (the file has {num_bytes:,} bytes)"
    return f"damaged {name}: the decoder says {text!r}"
