"""Labels and embeddings for the images of an archive: what a head sees in their payloads, without decoding a picture.

Shards never change, so what is seen lies beside them (pipeline/archive/labels.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow.compute as pc

from pipeline.companions.run import CompanionRun, Rows, Wanted
from pipeline.config import CompressConfig
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage

if TYPE_CHECKING:  # the maker brings torch: it is imported where it is built
    from pipeline.companions.worker import CompanionWorker
    from pipeline.label.maker import LabelledImage


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpec:
    """Builds what labels images where it will live."""

    does: ClassVar[str] = "label"
    wants_gpu: ClassVar[bool] = False
    """Most of the work is reading bits, which a GPU does not do."""

    archive_url: str
    storage: StorageOptions

    def build(self, *, threads: int) -> CompanionWorker[LabelledImage]:
        """Open the store; codecs are loaded as rows ask for them."""
        from pipeline.companions.worker import CompanionWorker
        from pipeline.label.maker import LabelMaker

        archive = Storage(self.archive_url, self.storage)
        return CompanionWorker(archive, LabelMaker(archive))


def label_run(archive: Storage, config: CompressConfig) -> CompanionRun:
    """The run that labels the coded images of an archive; `config` says with which workers.

    The `others` are images `without_latents`: they are not coded, but kept, lossless, bounded or failed.
    """
    spec = LabelSpec(archive_url=archive.url, storage=config.storage)
    return CompanionRun(archive, _WANTED, spec, config.workers)


def _is_coded(rows: Rows) -> Any:
    return pc.equal(rows["status"], "coded")


def _has_no_latents(rows: Rows) -> Any:
    return pc.not_equal(rows["status"], "coded")


_WANTED: Final = Wanted(columns=("status",), is_wanted=_is_coded, others={"without_latents": _has_no_latents})
