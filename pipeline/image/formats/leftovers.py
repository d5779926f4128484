"""Decoders of Pillow that tell when picture data go on after the picture is complete.

Such data are no pixels that anyone sees, but may be of what was cropped or hidden. A decoder is given all but the last
bytes of the data; data that end with the picture make it ask for these. What is shorter than that is not noticed, nor
is what lies within the scans of a progressive JPEG.
"""

from __future__ import annotations

import io

from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from pipeline.image.formats.png_chunks import chunks

_HELD_BACK_BYTES = 16
"""Checksum and end codes, which a decoder may leave unread though all is well, are shorter."""
_JPEG_END = b"\xff\xd9"


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
    """A JPEG of which `load` raises `LeftoverError`. Without an end marker it is not looked at."""

    def __init__(self, stream: bytes) -> None:
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
    """A PNG of which `load` raises `LeftoverError`. Picture data are counted without what frames them: encoders such as
    Chromium's put the end codes into a chunk of their own."""

    def __init__(self, stream: bytes) -> None:
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
