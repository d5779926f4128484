"""The codecs that decode one archive: loaded when a row needs them, with weights from the archive where need be."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TypeVar

from codec.codec import Codec
from codec.contract import FAITHFUL
from codec.decoder_name import name_in_files
from codec.errors import UnknownWeightsError
from codec.registry import load_codec
from pipeline.archive.decoders import read_decoder, stored_decoders
from pipeline.archive.weights import read_stored_weights
from pipeline.store.storage import Storage

_Result = TypeVar("_Result")


class ResidentCodecs:
    """Safe to use from several threads.

    A codec starts with the weights that it ships with. For a payload that was made with others (an older release's, or
    a user's own), exactly those are read from the archive, once. A decoder that the archive keeps comes before one of
    that name that ships with this release.
    """

    def __init__(self, archive: Storage, *, device: str = "auto") -> None:
        """Load and contact nothing yet."""
        self._archive = archive
        self._device = device
        self._lock = RLock()
        self._codecs: dict[str, Codec] = {}
        self._weights: dict[str, dict[bytes, bytes]] = {}
        self._decoders: dict[str, list[bytes]] = {}
        """Weights files of the archive's decoders by the names in them, of decoders that were asked for."""

    def use(self, codec_id: str, work: Callable[[Codec], _Result], *, decoder: str = FAITHFUL) -> _Result:
        """Do work that decodes payloads. It begins again whenever it needs weights that must be read first.

        Args:
            decoder: that the work asks the codec for.
        Raises:
            UnknownCodecError: no codec has that id.
            UnknownWeightsError: the archive's weights are of a kind that this release does not understand.
            ArchiveError: the archive lacks the weights of a payload, or they are damaged; or its decoder's are.
        """
        self._find_decoder(decoder)
        while True:
            codec = self._resident(codec_id)
            try:
                return work(codec)
            except UnknownWeightsError as error:
                if not self._add_weights(codec_id, error.digest, lacking=codec):
                    raise

    def _resident(self, codec_id: str) -> Codec:
        with self._lock:
            if codec_id not in self._codecs:
                self._codecs[codec_id] = self._loaded(codec_id)
            return self._codecs[codec_id]

    def _loaded(self, codec_id: str, *further: bytes) -> Codec:
        """A codec with all weights that were read for it, and further ones."""
        decoders = (data for of_name in self._decoders.values() for data in of_name)
        given = [*self._weights.get(codec_id, {}).values(), *further, *decoders]
        return load_codec(codec_id, device=self._device, weights=given)

    def _find_decoder(self, name: str) -> None:
        """Have codecs loaded with what the archive keeps of a decoder, from the first time on that it is asked for."""
        with self._lock:
            in_files = name_in_files(name)
            if name == FAITHFUL or in_files in self._decoders:
                return
            kept = [read_decoder(self._archive, place) for place in stored_decoders(self._archive, in_files)]
            self._decoders[in_files] = kept
            if kept:
                self._codecs.clear()

    def forget_decoder(self, name: str) -> None:
        """Look for a decoder in the archive anew, when it is next asked for."""
        with self._lock:
            if self._decoders.pop(name_in_files(name), None):
                self._codecs.clear()

    def forget_decoders(self) -> None:
        """Look for all of them anew, when they are next asked for."""
        with self._lock:
            for name in [*self._decoders]:
                self.forget_decoder(name)

    def _add_weights(self, codec_id: str, digest: bytes, *, lacking: Codec) -> bool:
        """Put a codec that has these weights too in the place of one that lacks them; False when it was given them."""
        with self._lock:
            if self._codecs.get(codec_id) is not lacking:
                return True  # another thread has just loaded more weights
            given = self._weights.setdefault(codec_id, {})
            if digest in given:
                return False
            data = read_stored_weights(self._archive, digest)
            loaded = self._loaded(codec_id, data)
            given[digest] = data
            self._codecs[codec_id] = loaded
            return True
