"""Decoders of Pillow that tell when picture data go on after the picture is complete, or end before it is.

Such data are no pixels that anyone sees, but may be of what was cropped or hidden. A decoder is given all but the last
bytes of the data; data that end with the picture make it ask for these. What is shorter than that is not noticed, nor
is what lies within the scans of a progressive JPEG.

What data that end early leave out, Pillow shows as zeros in a PNG, and as the grey of no coefficient in a JPEG. A
picture that ends so is looked at again.
"""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import PIL.ImageChops
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from pipeline.errors import SourceError
from pipeline.image.formats.png_chunks import chunks
from pipeline.image.formats.png_rows import check_rows

_HELD_BACK_BYTES = 16
"""Checksum and end codes, which a decoder may leave unread though all is well, are shorter."""
_JPEG_END = b"\xff\xd9"
_JPEG_BLOCK = 8
_NO_COEFFICIENT = 128
_MORE_CODE = bytes(range(1, 251)) * 16
"""Codes that a JPEG without an end might go on with."""


class LeftoverError(Exception):
    """A decoder had its picture before it had the last of the picture data."""

    def __init__(self) -> None:
        super().__init__("picture data that go on after the picture is complete")


class _StreamWithHalt(io.BytesIO):
    """One read never goes beyond the halt, so that a second one tells that the first was not enough."""

    halt = 0

    def read(self, size: int | None = -1, /) -> bytes:
        room = self.halt - self.tell()
        if room > 0 and (size is None or size < 0 or size > room):
            size = room
        return super().read(size)


class WholeJpeg(JpegImageFile):
    """A JPEG of which `load` raises `LeftoverError`, or `SourceError` where the data end early. Without an end marker
    it is not looked at."""

    def __init__(self, stream: bytes) -> None:
        self.whole = stream
        end = len(stream) - len(_JPEG_END)
        while end > 0 and stream[end - 1] == 0xFF:
            end -= 1  # fill bytes before the end marker belong to it
        self.halt = end - _HELD_BACK_BYTES if stream.endswith(_JPEG_END) else 0
        halting = _StreamWithHalt(stream)
        super().__init__(halting)
        halting.halt = self.halt  # not before: a header is read whole

    def load_end(self) -> None:
        super().load_end()
        if self.fp is not None and self.fp.tell() <= self.halt:
            raise LeftoverError
        stream, self.whole = self.whole, b""
        if self.halt and _ends_without_coefficients(self):
            longer = JpegImageFile(io.BytesIO(stream.removesuffix(_JPEG_END) + _MORE_CODE + _JPEG_END))
            if PIL.ImageChops.difference(self, longer).getbbox() is not None:
                raise SourceError("truncated JPEG: the picture data end before the picture is complete")


def _ends_without_coefficients(picture: PIL.Image.Image) -> bool:
    width, height = picture.size
    left, top = ((side - 1) // _JPEG_BLOCK * _JPEG_BLOCK for side in (width, height))
    return bool((np.asarray(picture.crop((left, top, width, height))) == _NO_COEFFICIENT).all())


class WholeGif(GifImageFile):
    """A GIF of which `load` raises `LeftoverError`; its picture is the last block but the end mark."""

    def __init__(self, stream: bytes) -> None:
        self.halt = len(stream) - 1 - _HELD_BACK_BYTES
        halting = _StreamWithHalt(stream)
        super().__init__(halting)
        halting.halt = self.halt

    def load_end(self) -> None:
        has_leftover = self.fp is not None and self.fp.tell() <= self.halt
        super().load_end()
        if has_leftover:
            raise LeftoverError


class WholePng(PngImageFile):
    """A PNG of which `load` raises `LeftoverError`, or `SourceError` where the data end early. Picture data are counted
    without what frames them: encoders such as Chromium's put the end codes into a chunk of their own."""

    def __init__(self, stream: bytes) -> None:
        self.whole = stream
        self.left_bytes = sum(len(chunk.body) for chunk in chunks(stream) if chunk.kind == b"IDAT")
        super().__init__(io.BytesIO(stream))

    def load_read(self, read_bytes: int) -> bytes:
        room = self.left_bytes - _HELD_BACK_BYTES
        data = super().load_read(min(read_bytes, room) if room > 0 else read_bytes)
        self.left_bytes -= len(data)
        return data

    def load_end(self) -> None:
        has_leftover = self.left_bytes >= _HELD_BACK_BYTES
        super().load_end()
        if has_leftover:
            raise LeftoverError
        stream, self.whole = self.whole, b""
        width, height = self.size
        rows = np.asarray(self.crop((0, max(0, height - 2), width, height)))
        if self.info.get("interlace") or not all(row.any() for row in rows):
            check_rows(stream)


class WholeWebp(WebPImageFile):
    """A WebP of which `load` raises `LeftoverError`. Its decoder takes all data at once: that it asks for the last
    bytes is seen by withholding them."""

    def __init__(self, stream: bytes) -> None:
        self.whole = stream
        super().__init__(io.BytesIO(stream))

    def load_end(self) -> None:
        super().load_end()
        stream, self.whole = self.whole, b""
        if stream and _decodes(_without_last_bytes(stream)):
            raise LeftoverError


def _without_last_bytes(stream: bytes) -> bytes:
    """The file as if its picture data were shorter."""
    at = 12
    while stream[at : at + 4] not in (b"VP8 ", b"VP8L"):
        at += 8 + -(-int.from_bytes(stream[at + 4 : at + 8], "little") // 2) * 2
    size = int.from_bytes(stream[at + 4 : at + 8], "little")
    body = stream[at + 8 : at + 8 + max(0, size - _HELD_BACK_BYTES)]
    chunks = (
        stream[8:at] + stream[at : at + 4] + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
    )
    return b"RIFF" + len(chunks).to_bytes(4, "little") + chunks


def _decodes(stream: bytes) -> bool:
    try:
        WebPImageFile(io.BytesIO(stream)).load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True
