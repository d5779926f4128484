"""What the driver and the encoder workers say to each other. Images never travel: workers read the plan."""

from __future__ import annotations

import platform
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from codec.codec import Codec
from codec.registry import load_codec
from pipeline.archive.weights import read_stored_weights
from pipeline.config import CompressConfig
from pipeline.errors import ConfigError
from pipeline.source.source import Source, SourceConfig
from pipeline.store.storage import Storage

if TYPE_CHECKING:  # the worker brings torch: it is imported where it is built
    from pipeline.encode.worker import EncoderWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeTask:
    """Encode one planned unit, or a part of it."""

    run: str
    number: int
    indices: tuple[int, ...] | None = None
    """Positions in the unit, or None for all of it."""
    give_up: str | None = None
    """When set, write these images as failed for this reason without touching them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Seconds of work by stage, summed over threads."""

    read_s: float = 0.0
    decode_s: float = 0.0
    search_s: float = 0.0
    """Looking for the quality that meets a target, by estimates."""
    encode_s: float = 0.0
    """Pixels to payload."""
    check_s: float = 0.0
    """Payload back to pixels; encoding again what missed a quality floor."""
    measure_s: float = 0.0
    """PSNR, MS-SSIM, deflate, hashes."""
    publish_s: float = 0.0

    def __add__(self, other: Stages) -> Stages:
        return Stages(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Seconds of one task. A codec that starves wants more readers; images that queue want more codecs."""

    codec_s: float = 0.0
    """The codec stood still until an image was read."""
    images_s: float = 0.0
    """Images that were read waited for the codec, summed over them."""

    def __add__(self, other: Waits) -> Waits:
        return Waits(codec_s=self.codec_s + other.codec_s, images_s=self.images_s + other.images_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeResult:
    """What one task put into the archive; its shards are published, not yet in the catalogue."""

    rows: pa.Table
    """CatalogueRow columns of every image of the task."""
    stages: Stages
    waits: Waits = Waits()


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSpec:
    """Builds an encoder where it will live."""

    does: ClassVar[str] = "encode"
    wants_gpu: ClassVar[bool] = True

    archive_url: str
    source: SourceConfig
    config: CompressConfig
    weights: tuple[bytes, ...] = ()
    """Digests of the archive's weights files to encode with, each image with one of them; empty for the codec's own."""
    own_weights: frozenset[str] = frozenset()
    """Names of the weights files that payloads need where the codec's own are encoded with: the archive keeps these."""

    def build(self, *, threads: int, first: Codec | None = None) -> EncoderWorker:
        """Open the stores, and load the codec with every set of weights.

        Args:
            threads: this worker's share of the CPU.
            first: the codec with the first set, where this process has it already.
        Raises:
            ConfigError: the release of Tenfold here has other weights than that which drives the run.
        """
        from pipeline.encode.worker import EncoderWorker

        archive = Storage(self.archive_url, self.config.storage)
        rest = self.weights if first is None else self.weights[1:]
        codecs = [] if first is None else [first]
        codecs += [self._load(read_stored_weights(archive, digest)) for digest in rest]
        return EncoderWorker(
            codecs=codecs or [self._own()],
            source=Source(self.source),
            archive=archive,
            config=self.config,
            threads=threads,
        )

    def _own(self) -> Codec:
        codec = self._load(None)
        if codec.weights.keys() != self.own_weights:
            kept, found = (", ".join(sorted(names)) for names in (self.own_weights, codec.weights))
            raise ConfigError(
                f"Expected {codec.id} with the weights {kept}, which the archive keeps, got {found} on "
                f"{platform.node()}: another release of Tenfold is installed there. Install the same one everywhere."
            )
        return codec

    def _load(self, encode_with: bytes | None) -> Codec:
        return load_codec(self.config.codec.id, encode_with=encode_with)
