"""What a run is told, checked before any work starts; `config_file.py` reads it.

Every class rejects unknown keys, so that a typo is an error and not a silent default. No field holds a
secret: credentials come from the usual AWS variables, a profile or the machine's role.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from codec.codec import Codec
from codec.contract import DEFAULT_CODEC, EFFORTS, QUALITIES, Demands
from codec.registry import nears_originals
from pipeline.errors import ConfigError, StorageError
from pipeline.globs import key_matcher
from pipeline.source.options import SourceOptions
from pipeline.store.options import StorageOptions
from pipeline.store.urls import normal
from pipeline.words import duration_words, parse_duration


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


DEFAULT_FLOOR_DB: Final = 30.0
"""PSNR under which losses show on most images (docs/benchmarks/2026-11-28-default-floor.md)."""
AUTO: Final = "auto"
_SIDECAR_NAME: Final = re.compile(r"\{(key|stem)\}")
SHIPPED_WEIGHTS: Final = "shipped"
"""What `weights` says for those that the codec ships with, though the archive has learned others."""
TARGETS: Final = ("quality", "ratio", "bpp")
"""What says how hard a codec presses: one of these."""


class CodecConfig(_Section):
    """Which codec, and how hard it presses: one of quality, ratio, bpp, or the codec's default; and floors."""

    id: str = DEFAULT_CODEC
    """The codec that encodes: hyper-1 or ae-zfp-1."""
    quality: int | None = Field(default=None, ge=QUALITIES.start, lt=QUALITIES.stop)
    """0 (smallest) to 63 (best), the same for every image."""
    ratio: float | None = Field(default=None, gt=1, le=10_000)
    """Raw 24-bit bytes over payload bytes, to be met by the coded images of every unit of work together."""
    bpp: float | None = Field(default=None, gt=0, le=24)
    """Payload bits per original pixel, to be met likewise."""
    min_psnr_db: float | None = Field(default=DEFAULT_FLOOR_DB, ge=0, le=100)
    """Every coded image reaches this, at a higher quality than its unit's where it must; else it is kept. 0 or null: no
    floor. Not given beside a quality, ratio or bpp, there is none: who names a target gets it. Nor is there one of
    codecs that are not meant to be near the original, such as sketch-1."""
    min_ms_ssim: float | None = Field(default=None, gt=0, lt=1)
    """The same for MS-SSIM. Images under 161 pixels do not have it: they are held against the floor of PSNR alone, and
    kept where there is none."""
    effort: int = Field(default=0, ge=EFFORTS.start, lt=EFFORTS.stop)
    """How long each image's payload is improved, by a search that decoding knows nothing of: 0, not at all, to 3. A run
    says first how many seconds a megapixel that takes. Not every codec can."""
    importance: str | None = None
    """Where bits matter: `auto`, less in strong textures and more in weak ones; or grey maps beside the images, a path
    or URL with `{key}` in it, or `{stem}`, the key without its ending. Null: everywhere alike. Not every codec can."""
    words: str | None = None
    """What the images show: text files beside them, a path or URL with `{key}` or `{stem}` in it. Null: nobody says.
    Not every codec takes words."""
    weights: str | None = None
    """What to encode with: path or URL of a weights file, a preset of the codec (`tenfold codecs` lists them), or
    `shipped` for the codec's own. Null: those that the archive has learned, else the codec's own."""

    @field_validator("importance")
    @classmethod
    def _importance(cls, asked: str | None) -> str | None:
        return asked if asked in (None, AUTO) else _template(asked, "auto, or a path or URL of maps")

    @field_validator("words")
    @classmethod
    def _words(cls, asked: str | None) -> str | None:
        return None if asked is None else _template(asked, "a path or URL of text files")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        given = [name for name in TARGETS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"expected at most one of quality, ratio and bpp, got {' and '.join(given)}")
        return self

    @model_validator(mode="before")
    @classmethod
    def _no_floor_under_a_target(cls, data: Any) -> Any:
        """Say so in the config itself, so that a record of it reads the same whatever the default is then."""
        if isinstance(data, Mapping) and (
            any(data.get(name) is not None for name in TARGETS) or not nears_originals(data.get("id"))
        ):
            return {"min_psnr_db": None, **data}
        return data

    @property
    def demands(self) -> Demands:
        """What not every codec knows."""
        return Demands(effort=self.effort, maps=self.importance is not None, words=self.words is not None)

    @property
    def sidecars(self) -> dict[str, str]:
        """Where files lie beside the images, by the column of the catalogue that says what became of each."""
        asked = {"importance": self.importance, "words": self.words}
        return {column: where for column, where in asked.items() if where not in (None, AUTO)}

    @property
    def target_bpp(self) -> float | None:
        """The rate to meet, or None when a quality is given or the default holds."""
        return 24 / self.ratio if self.ratio is not None else self.bpp

    def quality_of(self, codec: Codec) -> int:
        """The quality of a run without a target."""
        return codec.default_quality if self.quality is None else self.quality


def _template(asked: str, expected: str) -> str:
    """Where sidecars lie, said in full: a worker elsewhere has another current folder."""
    if not _SIDECAR_NAME.search(asked) or re.search("[{}]", _SIDECAR_NAME.sub("", asked)):
        raise ValueError(f"expected {expected} with {{key}} or {{stem}} in it, and no other braces")
    try:
        return normal(asked)
    except StorageError as error:
        raise ValueError(str(error)) from error


class ShardConfig(_Section):
    """How images are cut into units of work and shards."""

    target_mib: float = Field(default=64, gt=0, le=90)
    """A shard is closed when its payloads reach this; under s3fs' 100 MiB limit of a single PUT."""
    max_images: int = Field(default=2048, ge=1)
    """Images in one planned unit of work, at most."""
    max_source_mib: float = Field(default=512, gt=0)
    """Source bytes in one planned unit of work, at most."""


_RAY_ADDRESS: Final = re.compile(r"auto|local|[^/\s]+:\d{1,5}")


class WorkersConfig(_Section):
    """The machines' share of the work."""

    count: int | None = Field(default=None, ge=0)
    """Ray actors; 0 runs in this process without Ray; null takes every GPU, or every core without one. With null, no
    cluster and no GPU, little work runs in this process, too: up to 100 images and about 20 megapixels to encode or
    decode, or as much work of another kind."""
    gpus: float = Field(default=1, gt=0)
    """GPU share of one actor where the cluster has GPUs; 0.5 puts two actors on each."""
    cpus: float = Field(default=1, gt=0)
    """CPU share of one actor on a cluster without GPUs."""
    cpus_with_gpu: float = Field(default=4, gt=0)
    """CPU share of one actor on a cluster with GPUs, less where a node has fewer for each: reading and entropy coding
    need cores."""
    batch_megapixels: float = Field(default=4, gt=0)
    """Pixels encoded together; a larger image goes alone."""
    buffer_mib: float = Field(default=256, gt=0)
    """Decoded pixels waiting in one worker, at most; one image may always be there."""
    ray_address: str | None = None
    """Cluster to join; null joins RAY_ADDRESS if set, else starts Ray here."""

    @field_validator("ray_address")
    @classmethod
    def _address(cls, address: str | None) -> str | None:
        if address and not _RAY_ADDRESS.fullmatch(address):
            raise ValueError(
                "expected auto, local or HOST:PORT of a Ray cluster's head (to send a run to a cluster from elsewhere: "
                "tenfold submit --address http://HEAD:8265 ...)"
            )
        return address

    @property
    def cluster(self) -> str | None:
        """Address of the cluster to join; None where Ray is to be started here."""
        address = self.ray_address or os.environ.get("RAY_ADDRESS")
        return None if address in (None, "", "local") else address


class LimitsConfig(_Section):
    """What is kept as it is instead of coded."""

    max_megapixels: float = Field(default=100, gt=0)
    """A larger image is kept as its original bytes."""

    @property
    def max_pixels(self) -> int:
        """The same in pixels."""
        return int(self.max_megapixels * 1e6)


class AdaptConfig(_Section):
    """How a run learns from the source's images before it encodes; it goes on with better weights, or as it was."""

    time: str = "auto"
    """Of training, such as 10m or 1h. auto: by the size of the source, and not at all where weights would not pay."""
    max_images: int = Field(default=400, ge=24)
    """A random sample of so many is read."""
    max_source_mib: float = Field(default=1024, gt=0)
    """Bytes of their files, at most."""
    seed: int = Field(default=0, ge=0)
    """Of the sample, and of all that is drawn from it."""
    steps: int | None = Field(default=None, ge=1)
    """Instead of a time: an adaptation that comes out the same on every repetition."""

    @field_validator("time")
    @classmethod
    def _is_time(cls, time: str) -> str:
        try:
            return time if time == AUTO else duration_words(parse_duration(time))
        except ConfigError as error:
            raise ValueError("expected auto, or a span of time such as 10m or 1h") from error

    @property
    def seconds(self) -> float | None:
        """Of training; None for auto."""
        return None if self.time == AUTO else parse_duration(self.time).total_seconds()


class NightlyConfig(_Section):
    """What `tenfold nightly` adds to a run: from where to where, and what a night may do."""

    source: str = Field(min_length=1)
    """A folder, URL, glob, list or manifest, as SRC of `tenfold compress`."""
    archive: str = Field(min_length=1)
    """A folder or URL."""
    deletes: str = "keep"
    """keep, drop, or a limit such as `fail-if-over 5%` (pipeline/compress/delete_policy.py)."""
    max_seconds: float | None = Field(default=None, gt=0)
    """After these no unit of work is begun."""
    webhook: str | None = None
    """Is told the outcome. May hold a token."""


Lossless = Literal["auto", "never", True] | tuple[str, ...]
"""Which images are stored without loss."""
Compare = Literal["fast", "checksum"]
"""How an image is known to be unchanged: by size and etag (or time), or by the hash of its bytes, which reads them."""


class CompressConfig(_Section):
    """Everything a run can be told."""

    codec: CodecConfig = CodecConfig()
    lossless: Lossless = "auto"
    """What is stored without loss: true, everything; globs over keys such as `["scans/**", "*.png"]`, what they match
    and what auto takes; auto, palettes, drawings, screenshots and tiny images; never, only what no codec takes."""
    max_error: float | None = Field(default=None, gt=0)
    """Of uncompressed files with floating-point samples, or integers of 16 bits or more: how far a sample may be from
    what it was, in its own units. Null: such files come back byte for byte."""
    previews: bool = True
    """Whether a ThumbHash and a small WebP are stored with each image, for whoever shows many at once: at most 1 % more
    bytes, 50 more in the catalogue and the shard."""
    shard: ShardConfig = ShardConfig()
    workers: WorkersConfig = WorkersConfig()
    limits: LimitsConfig = LimitsConfig()
    storage: StorageOptions = StorageOptions()
    """Where the archive lies."""
    source_storage: StorageOptions | None = None
    """Where the source lies, when its endpoint or profile differs from the archive's."""
    source: SourceOptions = SourceOptions()
    """Which files of the source are taken."""
    compare: Compare = "fast"
    """Which images of the source count as changed."""
    commit_seconds: float = Field(default=5, gt=0)
    """Finished shards enter the catalogue at least this often."""
    adapt: AdaptConfig | None = None
    """Whether `compress` and `nightly` first learn from the images of the source, and how. Null: they do not, and use
    what the archive has learned before."""
    nightly: NightlyConfig | None = Field(default=None, exclude=True)
    """For `tenfold nightly` alone. Never dumped: the webhook may hold a token, and records show what a run was told."""

    @model_validator(mode="after")
    def _lossless_is_possible(self) -> Self:
        if self.lossless is True and self.max_error is not None:
            raise ValueError("expected lossless or a max_error, got both")
        for pattern in self.lossless if isinstance(self.lossless, tuple) else ():
            key_matcher(pattern)
        return self

    @model_validator(mode="after")
    def _learns_from_what_it_encodes_with(self) -> Self:
        if self.adapt is not None and self.codec.weights not in (None, SHIPPED_WEIGHTS):
            raise ValueError("expected weights to encode with or to adapt what is encoded with, got both")
        return self

    @property
    def reading(self) -> StorageOptions:
        """How to reach the source."""
        return self.source_storage or self.storage
