"""Small pictures for the images of an archive that have none: of older releases, and those that had no room for one.

A shard never changes, so its images' previews go into its album (pipeline/archive/albums.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow.compute as pc

from pipeline.companions.run import CompanionRun, Rows, Wanted
from pipeline.config import CompressConfig
from pipeline.image.preview import FEWEST_BYTES
from pipeline.image.read import ReadLimits
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage

if TYPE_CHECKING:  # the maker brings torch: it is imported where it is built
    from pipeline.archive.albums import SmallPicture
    from pipeline.companions.worker import CompanionWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewSpec:
    """Builds what makes previews where it will live."""

    does: ClassVar[str] = "preview"
    wants_gpu: ClassVar[bool] = False
    """Small pictures are little work; most of it is reading bits, which a GPU does not do."""

    archive_url: str
    storage: StorageOptions
    limits: ReadLimits

    def build(self, *, threads: int) -> CompanionWorker[SmallPicture]:
        """Open the store; codecs are loaded as rows ask for them."""
        from pipeline.companions.worker import CompanionWorker
        from pipeline.preview.maker import PreviewMaker

        archive = Storage(self.archive_url, self.storage)
        return CompanionWorker(archive, PreviewMaker(archive, self.limits))


def preview_run(archive: Storage, config: CompressConfig) -> CompanionRun:
    """The run that makes previews for the images that have none in their shard.

    The `others` are images whose preview is `stored` in their shard, and those so `small` that they are decoded at
    once.

    Args:
        config: says with which workers, and how large an image may be to be decoded.
    """
    spec = PreviewSpec(
        archive_url=archive.url,
        storage=config.storage,
        limits=ReadLimits(max_pixels=config.limits.max_pixels),
    )
    return CompanionRun(archive, _WANTED, spec, config.workers)


def _is_wanted(rows: Rows) -> Any:
    """Images that are large enough and have no preview in their shard; of a failed image there is nothing to show."""
    is_large = pc.fill_null(pc.greater_equal(rows["payload_length"], FEWEST_BYTES), False)
    return pc.and_(is_large, pc.is_null(rows["preview_length"]))


def _is_stored(rows: Rows) -> Any:
    return pc.is_valid(rows["preview_length"])


def _is_small(rows: Rows) -> Any:
    return pc.and_(pc.less(rows["payload_length"], FEWEST_BYTES), pc.is_null(rows["preview_length"]))


_WANTED: Final = Wanted(
    columns=("preview_length", "payload_length"),
    is_wanted=_is_wanted,
    others={"stored": _is_stored, "small": _is_small},
)
