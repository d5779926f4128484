"""The rows of a shard to decode: from one read of it all, or where that is damaged image by image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.range_reads import read_row
from pipeline.archive.shards import iter_rows
from pipeline.decode.tasks import WantedImage
from pipeline.errors import DamagedError
from pipeline.store.storage import Storage
from pipeline.types import ShardRow


class ShardReader:
    """Reads the shards of one version of an archive."""

    def __init__(self, archive: Storage, version: int) -> None:
        """Contact nothing yet; `version` is the catalogue's that names the images."""
        self._archive, self._version = archive, version

    def rows(self, shard: str, wanted: Sequence[WantedImage]) -> Iterator[tuple[WantedImage, ShardRow | str]]:
        """The row of each wanted image, or why it cannot be had.

        A damaged shard costs the images whose own bytes are damaged: of every image the catalogue has a checksum.

        Raises:
            StorageError: the archive does not answer.
        """
        by_number = {image.row: image for image in wanted}
        found = iter_rows(self._archive, shard, only=by_number)
        try:
            first = next(found, None)  # reads the shard, and holds it against its name
        except DamagedError as error:
            yield from self._one_by_one(shard, wanted, str(error))
            return
        if first is not None:
            yield by_number[first[0]], first[1]
        for number, row in found:
            yield by_number[number], row

    def _one_by_one(
        self, shard: str, wanted: Sequence[WantedImage], damage: str
    ) -> Iterator[tuple[WantedImage, ShardRow | str]]:
        if not self._archive.exists(shard):
            yield from ((image, damage) for image in wanted)
            return
        catalogue = Catalogue(self._archive, as_of=self._version)
        rows = {row.key: row for row in catalogue.lookup([image.key for image in wanted])}
        for image in wanted:
            try:
                yield image, read_row(self._archive, rows[image.key])
            except DamagedError as error:
                yield image, str(error)
