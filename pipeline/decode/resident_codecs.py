"""The codecs of one archive, resident: loaded as rows ask for them, with its own weights where a payload needs them."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TypeVar

from codec.contract import Codec
from codec.errors import UnknownWeightsError
from codec.registry import load_codec
from pipeline.archive.weights import read_stored_weights
from pipeline.store.storage import Storage

_Result = TypeVar("_Result")


class ResidentCodecs:
    """Safe to use from several threads.

    A codec starts with the weights it ships with. A payload made with others (an older release's, or a user's
    own) makes it read exactly those from the archive, once.
    """

    def __init__(self, archive: Storage, *, device: str = "auto") -> None:
        """Load and contact nothing yet."""
        self._archive = archive
        self._device = device
        self._lock = RLock()
        self._codecs: dict[str, Codec] = {}
        self._weights: dict[str, dict[bytes, bytes]] = {}

    def use(self, codec_id: str, work: Callable[[Codec], _Result]) -> _Result:
        """Do work that decodes payloads; it is begun again when the codec had to read more weights for it.

        Raises:
            UnknownCodecError: no codec has that id.
            UnknownWeightsError: the archive's weights are of a kind that this release does not understand.
            ArchiveError: the archive lacks the weights of a payload, or they are damaged.
        """
        while True:
            codec = self._resident(codec_id)
            try:
                return work(codec)
            except UnknownWeightsError as error:
                if not self._learn(codec_id, error.digest, beyond=codec):
                    raise

    def _resident(self, codec_id: str) -> Codec:
        with self._lock:
            if codec_id not in self._codecs:
                self._codecs[codec_id] = load_codec(codec_id, device=self._device)
            return self._codecs[codec_id]

    def _learn(self, codec_id: str, digest: bytes, *, beyond: Codec) -> bool:
        """Load a codec that has these weights too; False when it had been given them."""
        with self._lock:
            if self._codecs[codec_id] is not beyond:
                return True  # another thread has just loaded a codec that knows more
            known = self._weights.setdefault(codec_id, {})
            if digest in known:
                return False
            data = read_stored_weights(self._archive, digest)
            loaded = load_codec(codec_id, device=self._device, weights=[*known.values(), data])
            known[digest] = data
            self._codecs[codec_id] = loaded
            return True
