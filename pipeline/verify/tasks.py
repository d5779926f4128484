"""What the driver and the inspecting workers say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import pyarrow as pa

from pipeline.archive.rows_by_shard import ShardContent
from pipeline.config import CompressConfig
from pipeline.source.source import Source, SourceConfig
from pipeline.store.storage import Storage
from pipeline.verify.damage import Problem

if TYPE_CHECKING:  # the worker brings torch: it is imported where it is built
    from pipeline.verify.worker import VerifyWorker

Thoroughness = Literal["structure", "checksum", "decode"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VerifyTask:
    """Look into one shard."""

    content: ShardContent
    level: Thoroughness
    rows: pa.Table | None = None
    """CATALOGUE_SCHEMA: what the catalogue says lies in it; None with level structure."""
    decode: tuple[int, ...] = ()
    """Row numbers of the images to decode."""

    @property
    def shard(self) -> str:
        """Its path below the archive."""
        return self.content.shard


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """What was seen."""

    problems: tuple[Problem, ...]
    images: int
    read_bytes: int
    decoded: int
    compared: int
    """Of the decoded: held against their source files, which were still the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySpec:
    """Builds an inspector where it will live."""

    does: ClassVar[str] = "verify"
    wants_gpu: ClassVar[bool] = True

    archive_url: str
    config: CompressConfig

    def build(self, *, threads: int) -> VerifyWorker:
        """Open the stores; codecs are loaded as rows ask for them."""
        from pipeline.verify.worker import VerifyWorker

        source = Source(SourceConfig(url=self.archive_url, storage=self.config.reading.resolved()))
        return VerifyWorker(Storage(self.archive_url, self.config.storage), source)
