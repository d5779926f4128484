"""Small AVIF and HEIC files of any items, properties and boxes."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from tests.support.odd_images import saved, texture

_HEVC_CONFIGURATION = (
    "AQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAe"
    "oCCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQA=="
)
_HEVC_PICTURE = "AAAALigBrwtg+sh7VxoXkwmSedJHr9zPRfFUl0MtasO/CCfLPiAwlnpMNQMaozeSUKY="
"""A smooth picture of 64x64 pixels, and the configuration of its decoder."""

PRIMARY = 1


def box(kind: bytes, body: bytes) -> bytes:
    """One box."""
    return struct.pack(">I", 8 + len(body)) + kind + body


def full_box(kind: bytes, body: bytes, *, version: int = 0, flags: int = 0) -> bytes:
    """One box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags) + body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One item of a file beside the picture."""

    kind: bytes
    data: bytes
    reference: bytes = b""
    """Kind of its reference to the picture; empty for none."""
    properties: Sequence[bytes] = ()
    content_type: bytes = b""
    in_meta: bool = False
    """Whether its bytes lie in `idat`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A coded picture of 64x64 pixels."""

    kind: bytes
    brand: bytes
    configuration: bytes
    """The property box."""
    data: bytes


def hevc() -> Coded:
    """What HEIC files hold."""
    return Coded(
        kind=b"hvc1",
        brand=b"heic",
        configuration=box(b"hvcC", base64.b64decode(_HEVC_CONFIGURATION)),
        data=base64.b64decode(_HEVC_PICTURE),
    )


@cache
def av1() -> Coded:
    """What AVIF files hold."""
    file = saved(texture(64, 64), "AVIF", speed=10)
    at = file.index(b"av1C") - 4
    return Coded(
        kind=b"av01",
        brand=b"avif",
        configuration=file[at : at + int.from_bytes(file[at : at + 4], "big")],
        data=file[file.index(b"mdat") + 4 :],
    )


def size_box(width: int = 64, height: int = 64) -> bytes:
    """The property `ispe`."""
    return full_box(b"ispe", struct.pack(">II", width, height))


def nclx(primaries: int = 1, transfer: int = 13, matrix: int = 6) -> bytes:
    """Colours by their numbers."""
    return box(b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, matrix, 0x80))


def auxiliary(coded: Coded, urn: bytes) -> Part:
    """An auxiliary picture."""
    properties = [size_box(), coded.configuration, full_box(b"auxC", urn + b"\x00")]
    return Part(kind=coded.kind, data=coded.data, reference=b"auxl", properties=properties)


def exif_part(exif: bytes) -> Part:
    """EXIF of the picture."""
    return Part(kind=b"Exif", data=bytes(4) + exif, reference=b"cdsc")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeifRecipe:
    """How to write one file."""

    coded: Coded
    properties: Sequence[tuple[bytes, bool]] = ()
    """More property boxes of the picture, and whether they are essential."""
    parts: Sequence[Part] = ()
    meta_boxes: Sequence[bytes] = ()
    """More boxes in `meta`."""
    before: bytes = b""
    """Boxes before `mdat`."""
    gap: bytes = b""
    """In `mdat`, after the picture."""
    trailer: bytes = b""
    brands: Sequence[bytes] = ()
    reference: tuple[bytes, int] | None = None
    """One more reference from the picture."""

    def file(self) -> bytes:
        """The whole file."""
        brands = b"".join([self.coded.brand, bytes(4), self.coded.brand, b"mif1", *self.brands])
        head = box(b"ftyp", brands)
        own = Part(
            kind=self.coded.kind,
            data=self.coded.data,
            properties=[self.coded.configuration, size_box(), nclx()]
            if not any(b"colr" in one for one, _ in self.properties)
            else [self.coded.configuration, size_box()],
        )
        items = [own, *self.parts]
        data_at = len(head) + len(self._meta(items, 0)) + len(self.before) + 8
        inside = [part.data for part in items if not part.in_meta]
        body = inside[0] + self.gap + b"".join(inside[1:])
        return head + self._meta(items, data_at) + self.before + box(b"mdat", body) + self.trailer

    def _meta(self, items: list[Part], data_at: int) -> bytes:
        properties: list[bytes] = []
        associations, locations, infos, references = b"", b"", b"", b""
        at, held = data_at, b""
        for number, part in enumerate(items, PRIMARY):
            info = struct.pack(">HH", number, 0) + part.kind + b"\x00"
            infos += full_box(
                b"infe", info + (part.content_type + b"\x00" if part.content_type else b""), version=2
            )
            if part.in_meta:
                start, held = len(held), held + part.data
            else:
                start, at = at, at + len(part.data) + (len(self.gap) if number == PRIMARY else 0)
            locations += struct.pack(">HHHHII", number, int(part.in_meta), 0, 1, start, len(part.data))
            if part.reference:
                references += box(part.reference, struct.pack(">HHH", number, 1, PRIMARY))
            own = [(one, False) for one in part.properties]
            own += self.properties if number == PRIMARY else []
            rows = b""
            for one, is_essential in own:
                properties.append(one)
                rows += bytes([len(properties) | is_essential << 7])
            associations += struct.pack(">HB", number, len(own)) + rows
        if self.reference is not None:
            references += box(self.reference[0], struct.pack(">HHH", PRIMARY, 1, self.reference[1]))
        children = [
            full_box(b"hdlr", bytes(4) + b"pict" + bytes(13)),
            full_box(b"pitm", struct.pack(">H", PRIMARY)),
            full_box(b"iloc", struct.pack(">HH", 0x4400, len(items)) + locations, version=1),
            full_box(b"iinf", struct.pack(">H", len(items)) + infos),
            full_box(b"iref", references),
            box(
                b"iprp",
                box(b"ipco", b"".join(properties))
                + full_box(b"ipma", struct.pack(">I", len(items)) + associations),
            ),
            *([box(b"idat", held)] if held else []),
            *self.meta_boxes,
        ]
        return full_box(b"meta", b"".join(children))
