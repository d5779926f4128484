"""Where the images of a task go: into files of their own, or into packs of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from pipeline.decode.deliver import Delivery
    from pipeline.decode.tasks import WantedImage
    from pipeline.types import ShardRow

OutputKind = Literal["files", "tar", "parquet"]
"""files: one file an image. tar: packs by WebDataset's rule. parquet: packs as Hugging Face's `datasets` reads them."""


class Outlet(Protocol):
    """Takes the images of one task."""

    def put(self, wanted: WantedImage, row: ShardRow, delivery: Delivery) -> str:
        """Take one image, and return the name that it got. Several threads call it, in any order.

        Raises:
            RestoreError: no name is left for it.
            StorageError: the destination does not do as asked.
        """
        ...

    def finish(self) -> str | None:
        """Publish what `put` has not, and return the path of the pack that it is; None for files of their own.

        Raises:
            StorageError: the destination does not do as asked.
        """
        ...
