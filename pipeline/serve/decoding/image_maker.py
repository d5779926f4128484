"""Makes files of views in a process of its own, and holds the images that it has opened."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from codec.kept_scales import Pixels
from codec.whole_picture import WholePicture
from pipeline.archive.range_reads import read_row, read_rows
from pipeline.decode.opened_image import OpenedImage, open_pixels
from pipeline.decode.row_decoder import RowDecoder
from pipeline.errors import ArchiveError
from pipeline.image.read import ReadLimits
from pipeline.packing.file_of import file_of
from pipeline.serve.decoding.contract import Made, NotMade
from pipeline.serve.decoding.faults import not_made_by
from pipeline.serve.decoding.render import render
from pipeline.serve.image_id import image_id, opened_id
from pipeline.serve.view import View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, ShardRow

_log: Final = logging.getLogger(__name__)


class ImageMaker:
    """Opens images of one archive. Not for two threads at once."""

    def __init__(self, archive: Storage, *, device: str, max_pixels: int, most_held_bytes: int) -> None:
        """Load and contact nothing yet.

        Args:
            device: where codecs are loaded: `auto`, `cpu`, `cuda`, ...
            max_pixels: of the largest kept file that is opened.
            most_held_bytes: of opened images together; the one that is worked on is always held.
        """
        self._archive = archive
        self._decoder = RowDecoder(archive, device=device)
        self._limits = ReadLimits(max_pixels=max_pixels)
        self._most_held_bytes = most_held_bytes
        self._held: OrderedDict[str, OpenedImage] = OrderedDict()
        self._decoder_files: dict[str, tuple[str, ...]] = {}
        """Of decoders that were asked for, what the archive kept then."""

    @property
    def holds(self) -> frozenset[str]:
        """Ids of the images that are open (`opened_id`)."""
        return frozenset(self._held)

    def open_together(self, rows: Sequence[CatalogueRow]) -> None:
        """Hold several small coded images, decoded in company. Where that fails, each is opened when it is asked for,
        and says what is wrong with it."""
        if len(rows) < 2:
            return
        try:
            read = read_rows(self._archive, [row for row in rows if image_id(row) not in self._held])
            found = [(image_id(row), stored) for row, stored in read if isinstance(stored, ShardRow)]
            images = self._decoder.decode([stored for _, stored in found])
        except Exception as error:  # noqa: BLE001 one of them may be anything, and the others are sound
            _log.info("%d images are opened one by one: %s", len(rows), error)
            return
        for (name, stored), image in zip(found, images, strict=True):
            self._held[name] = _opened(stored, image.pixels)

    def make(self, row: CatalogueRow, view: View | None) -> Made | NotMade:
        """As `Decoders.make`: whatever happens is an answer."""
        try:
            if view is None:
                return Made(data=file_of(read_row(self._archive, row)))
            return Made(data=render(self._opened(row, view), view, row.orientation))
        except Exception as error:  # noqa: BLE001 the boundary of one request: what is stored may be anything
            self._held.pop(opened_id(row, view), None)
            return not_made_by(error, key=row.key)
        finally:
            self._make_room()

    def _opened(self, row: CatalogueRow, view: View) -> OpenedImage:
        name = opened_id(row, view)
        if name not in self._held:
            self._check_decoder(view)
            stored = read_row(self._archive, row)
            image = self._decoder.open(stored, limits=self._limits, decoder=view.decoder)
            found, told = (f"{one.width}x{one.height}" for one in (image, row))
            if found != told:
                raise ArchiveError(
                    f"Expected {told} pixels under key {row.key!r}, as its row says, got {found}."
                )
            self._held[name] = image
        self._held.move_to_end(name)
        return self._held[name]

    def _check_decoder(self, view: View) -> None:
        """Load a decoder anew where the archive keeps another file of it than when it was loaded."""
        if self._decoder_files.setdefault(view.decoder, view.decoder_files) != view.decoder_files:
            self._decoder.forget_decoder(view.decoder)
            self._decoder_files[view.decoder] = view.decoder_files

    def _make_room(self) -> None:
        while (
            len(self._held) > 1
            and sum(one.holds_bytes for one in self._held.values()) > self._most_held_bytes
        ):
            self._held.popitem(last=False)


def _opened(stored: ShardRow, pixels: Pixels) -> OpenedImage:
    """An image that is decoded already."""
    height, width, channels = pixels.shape
    return open_pixels(stored, WholePicture(width, height, lambda: pixels, channels=channels))
