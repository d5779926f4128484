"""Which weights a run encodes with: those it was given, those the archive has learned, or those that ship."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from codec.codec import Codec
from codec.errors import CodecConfigError
from codec.registry import load_codec, preset_weights
from codec.weights_file import digest_of, weights_name
from pipeline.archive.adaptations import current_adaptation
from pipeline.archive.weights import read_given_weights, read_stored_weights
from pipeline.config import SHIPPED_WEIGHTS, CompressConfig
from pipeline.encode.effort_cost import EffortCost, measure_effort
from pipeline.errors import ArchiveError, ConfigError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCodec:
    """The codec of a run: for what it knows about itself, its weights files, and a worker in this process."""

    codec: Codec
    digests: tuple[bytes, ...]
    """Of the archive's weights files to encode with, that of `codec` first; empty for the codec's own."""
    learned: str = ""
    """The adaptation in which the archive learned them; empty for others."""
    given: bytes | None = None
    """The weights file that the run was told to encode with."""

    @classmethod
    def load(cls, config: CompressConfig, archive: Storage) -> Self:
        """Load what a config means for an archive, which need not exist.

        Raises:
            ConfigError: the weights that it names are not there.
            CodecConfigError: the codec does not know what is asked for: an effort, importance maps or words.
            ArchiveError: those that the archive has learned are lost or damaged.
            StorageError: the archive does not answer.
        """
        settings = config.codec
        if settings.weights not in (None, SHIPPED_WEIGHTS):
            given = _given(settings.id, settings.weights, config.storage)
            return cls(codec=_load(config, given), digests=(digest_of(given),), given=given)
        record = current_adaptation(archive, settings.id) if settings.weights is None else None
        if record is None or not record.weights:
            return cls(codec=_load(config, None), digests=())
        try:
            learned = read_stored_weights(archive, record.encodes_with[0])
        except ArchiveError as error:
            raise ArchiveError(
                f"{error} The archive encodes with them since it learned from its images ({record.adaptation}). "
                f"`tenfold verify {archive.url}` says what needs them; `tenfold repair` goes back to the shipped ones."
            ) from error
        return cls(codec=_load(config, learned), digests=record.encodes_with, learned=record.adaptation)

    @property
    def files(self) -> dict[str, bytes]:
        """The weights files that the archive is to keep, by name: those that payloads need, and what makes them."""
        given = {} if self.given is None else {weights_name(digest_of(self.given)): self.given}
        return {**self.codec.weights, **given}

    @property
    def weights_names(self) -> list[str]:
        """Names of the weights files that payloads of the run may need."""
        return sorted({*self.codec.weights, *map(weights_name, self.digests)})

    def effort_cost(self, effort: int) -> EffortCost | None:
        """What an effort costs here, measured now; None without any."""
        return measure_effort(self.codec, effort) if effort else None


def _given(codec_id: str, name: str, options: StorageOptions) -> bytes:
    """The weights file that a run was told to encode with: one that lies there, or else a preset of that name.

    Raises:
        ConfigError: there is neither.
        StorageError: the file cannot be read.
    """
    try:
        return read_given_weights(name, options)
    except ConfigError as missing:
        if "/" in name:
            raise
        try:
            return preset_weights(codec_id, name)
        except CodecConfigError as unknown:
            raise ConfigError(f"{missing} Nor is it a preset: {unknown}.") from missing


def _load(config: CompressConfig, encode_with: bytes | None) -> Codec:
    """On a GPU only where this process encodes: elsewhere the workers need it whole."""
    device = "auto" if config.workers.count == 0 else "cpu"
    codec = load_codec(config.codec.id, device=device, encode_with=encode_with)
    codec.check_demands(config.codec.demands)
    return codec
