"""What the driver and the workers that label images say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage

if TYPE_CHECKING:  # the worker brings torch: it is imported where it is built
    from pipeline.label.worker import LabelWorker


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelTask:
    """See that some images of one shard have labels."""

    shard: str
    rows: pa.Table
    """CATALOGUE_SCHEMA: the coded images of the shard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelResult:
    """What came of it."""

    made: int = 0
    there: int = 0
    """Images that had them already."""
    unseen: int = 0
    """Images that no head reads: their codec has none, or none for the weights that made them."""
    num_bytes: int = 0
    """Of the file that was written."""
    problem: str | None = None
    """Why the shard gives no images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpec:
    """Builds what labels images where it will live."""

    does: ClassVar[str] = "label"
    wants_gpu: ClassVar[bool] = False
    """Most of the work is reading bits, which a GPU does not do."""

    archive_url: str
    storage: StorageOptions

    def build(self, *, threads: int) -> LabelWorker:
        """Open the store; codecs are loaded as rows ask for them."""
        from pipeline.label.worker import LabelWorker

        return LabelWorker(Storage(self.archive_url, self.storage))
