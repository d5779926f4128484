"""Where every byte of an AVIF or HEIF file goes."""

from __future__ import annotations

from pipeline.image.formats.accounting import Account
from pipeline.image.formats.heif_items import Item, Meta
from pipeline.image.formats.heif_picture import Picture
from pipeline.image.formats.iso_boxes import Box

_XMP_TYPE = b"application/rdf+xml"
_PLAIN_META = frozenset((b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat"))
_PLAIN_PROPERTIES = frozenset((b"ispe", b"pixi", b"av1C", b"hvcC", b"colr", b"irot", b"imir", b"auxC"))
_PLAIN_NAMES = frozenset((b"", b"Color", b"Alpha", b"Exif", b"XMP"))
"""Of items: encoders give them to all."""
_HANDLER_BYTES = 24


def exif_item(meta: Meta) -> Item | None:
    """The first item of EXIF."""
    return next((item for item in meta.items.values() if item.kind == b"Exif"), None)


def xmp_item(meta: Meta) -> Item | None:
    """The first item of XMP."""
    return next((item for item in meta.items.values() if item.content_type == _XMP_TYPE), None)


class HeifAccount:
    """Claims the bytes of one file."""

    def __init__(self, data: bytes, meta: Meta, picture: Picture, account: Account) -> None:
        self._data = data
        self._meta = meta
        self._picture = picture
        self._account = account

    def claim(self, top: list[Box], end: int, *, exif: Item | None) -> None:
        """Claim every byte.

        Args:
            top: the boxes of the file, which end at `end`.
            exif: the item whose bytes are in the field for EXIF, exactly as they are.
        """
        is_plain, is_carried = self._is_plain(), False
        for box in top:
            if box.kind == b"meta":
                is_carried = self._claim_meta(is_plain)
            elif box.kind == b"mdat":
                self._account.layout(box.start, box.body)
            elif box.kind == b"ftyp" or (box.kind in (b"free", b"skip") and not any(self._body(box))):
                self._account.layout(*box.span)
            else:
                self._account.carry(*box.span, box.name, self._body(box))
        self._claim_items(exif, is_carried=is_carried)
        self._account.carry_trailer(self._data, end)
        for box in [one for one in top if one.kind == b"mdat"]:
            for start, stop in self._account.gaps():
                if box.body <= start < stop <= box.end:
                    self._account.carry(start, stop, "unreferenced", self._data[start:stop])

    def _body(self, box: Box) -> bytes:
        return self._data[box.body : box.end]

    def _is_plain(self) -> bool:
        """Whether the tables say nothing beside how to decode the picture and where its metadata are."""
        data = self._data
        metadata = {item.number for item in (exif_item(self._meta), xmp_item(self._meta)) if item is not None}
        return (
            {box.kind for box in self._meta.children} <= _PLAIN_META
            and {box.kind for box in self._meta.properties} <= _PLAIN_PROPERTIES
            and not any(
                any(data[box.body + _HANDLER_BYTES : box.end])
                for box in self._meta.children
                if box.kind == b"hdlr"
            )
            and all(
                self._body(box)[4:] == self._picture.icc
                for box in self._meta.properties
                if box.kind == b"colr" and self._body(box)[:4] in (b"prof", b"rICC")
            )
            and all(item.name in _PLAIN_NAMES for item in self._meta.items.values())
            and set(self._meta.items) <= self._picture.items | metadata
        )

    def _claim_meta(self, is_plain: bool) -> bool:
        """What is plain is layout; else the whole box is carried, and that is told."""
        box, held = self._meta.box, self._meta.item_data
        if not is_plain:
            self._account.carry(*box.span, "meta", self._body(box))
        elif held is None:
            self._account.layout(*box.span)
        else:
            self._account.layout(box.start, held.body)
            self._account.layout(held.end, box.end)
        return not is_plain

    def _claim_items(self, exif: Item | None, *, is_carried: bool) -> None:
        """Pictures, metadata that have fields, and items that are carried under their kind."""
        fields = {item.number for item in (exif, xmp_item(self._meta)) if item is not None}
        seen: set[tuple[int, int]] = set()
        for item in self._meta.items.values():
            kind = "thmb" if item.number in self._picture.thumbnails else item.kind.decode("latin-1")
            for start, end in item.extents:
                is_inside = self._meta.box.start <= start < self._meta.box.end
                if (is_inside and is_carried) or (start, end) in seen:
                    continue
                seen.add((start, end))
                if item.number in self._picture.items or item.number in fields:
                    self._account.picture(start, end)
                else:
                    self._account.carry(start, end, kind, self._data[start:end])
