"""What the driver and the workers that make previews say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from pipeline.image.read import ReadLimits
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage

if TYPE_CHECKING:  # the worker brings torch: it is imported where it is built
    from pipeline.preview.worker import PreviewWorker


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreviewTask:
    """See that the album of one shard holds the small pictures of some images."""

    shard: str
    rows: pa.Table
    """CATALOGUE_SCHEMA: the images of the shard that have no preview in it, and should have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewResult:
    """What came of it. Images whose album had them already are counted nowhere."""

    made: int = 0
    unseen: int = 0
    """Images in which there is nothing to see: damaged files, kinds that nothing here opens."""
    num_bytes: int = 0
    """Of the album that was written."""
    mended: bool = False
    """Whether the album was there, and damaged."""
    problem: str | None = None
    """Why the shard gives no images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewSpec:
    """Builds what makes previews where it will live."""

    does: ClassVar[str] = "preview"
    wants_gpu: ClassVar[bool] = False
    """Small pictures are little work; most of it is reading bits, which a GPU does not do."""

    archive_url: str
    storage: StorageOptions
    limits: ReadLimits

    def build(self, *, threads: int) -> PreviewWorker:
        """Open the store; codecs are loaded as rows ask for them."""
        from pipeline.preview.worker import PreviewWorker

        return PreviewWorker(Storage(self.archive_url, self.storage), self.limits)
