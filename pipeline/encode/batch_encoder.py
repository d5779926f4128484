"""A batch of images through the codec and back: payloads that were seen to decode, or why there is none."""

from __future__ import annotations

import time
from collections.abc import Sequence

from codec.contract import Codec, Encoded, EncodeOptions
from pipeline.encode.quality_floors import Floors
from pipeline.encode.rate_control import RateControl
from pipeline.encode.tasks import Stages
from pipeline.encode.types import Candidate, Coded, Fetched
from pipeline.image.read import to_rgb
from pipeline.types import Image
from pipeline.workers.pool import OUT_OF_MEMORY, lost_device


class BatchEncoder:
    """Encodes at the pace of its unit, decodes as a self-check (decoding compares the symbols' CRC), holds the result
    against the floors."""

    def __init__(self, codec: Codec, floors: Floors) -> None:
        """Take the resident codec, and what every image must reach."""
        self._codec = codec
        self._floors = floors

    def code(self, batch: Sequence[Fetched], pace: RateControl, stages: Stages) -> dict[str, Coded | str]:
        """What became of each image of the batch, by key; a text says why it is kept. Others are left out.

        A batch that fails is halved until the image that the codec cannot take is alone: it is kept.

        Raises:
            MemoryError, torch.OutOfMemoryError: not even a single image had room: its worker's fault, or its size's.
            RuntimeError: the GPU no longer answers this process (`lost_device`).
        """
        images = [
            fetched
            for fetched in batch
            if isinstance(fetched.content, Image) and fetched.source.prior.kept is None
        ]
        for key in {fetched.source.key for fetched in batch} - {fetched.source.key for fetched in images}:
            pace.not_coded(key)
        return self._halving(images, pace, stages) if images else {}

    def _halving(self, batch: Sequence[Fetched], pace: RateControl, stages: Stages) -> dict[str, Coded | str]:
        try:
            outcomes, quality = self._outcomes(batch, pace, stages)
        except Exception as error:  # the row boundary: one image never stops a run
            if lost_device(error) or (len(batch) == 1 and isinstance(error, OUT_OF_MEMORY)):
                raise
            why = f"the codec could not encode it: {type(error).__name__}: {error}"
        else:
            for key, outcome in outcomes.items():
                if isinstance(outcome, Coded):
                    size = outcome.image.width * outcome.image.height
                    pace.coded(key, num_pixels=size, num_bytes=outcome.num_bytes, quality=quality)
                else:
                    pace.not_coded(key)
            return outcomes
        # From here on the error is gone, and with its frames what the batch had taken of the device's memory.
        if len(batch) > 1:
            half = len(batch) // 2
            return {**self._halving(batch[:half], pace, stages), **self._halving(batch[half:], pace, stages)}
        (key,) = (fetched.source.key for fetched in batch)
        pace.not_coded(key)
        return {key: why}

    def _outcomes(
        self, batch: Sequence[Fetched], pace: RateControl, stages: Stages
    ) -> tuple[dict[str, Coded | str], float]:
        """By key, and the quality that the pace asked for."""
        begun = time.perf_counter()
        candidates = self._candidates(batch)
        analysed = time.perf_counter()
        quality = pace.quality(candidates)
        settled = time.perf_counter()
        encoded = self._encoded(candidates, quality)
        finished = time.perf_counter()
        decoded = self._codec.decode([one.payload for one in encoded])
        outcomes = {
            candidate.key: self._judged(
                candidate, Coded(image=candidate.image, encoded=one, decoded=back.pixels, quality=quality)
            )
            for candidate, one, back in zip(candidates, encoded, decoded, strict=True)
        }
        stages.encode_s += (analysed - begun) + (finished - settled)
        stages.search_s += settled - analysed
        stages.check_s += time.perf_counter() - finished
        return outcomes, quality

    def _candidates(self, batch: Sequence[Fetched]) -> list[Candidate]:
        images = [fetched.content for fetched in batch if isinstance(fetched.content, Image)]
        prepared = self._codec.encoder.prepare([to_rgb(image) for image in images])
        return [
            Candidate(fetched=fetched, image=image, prepared=one)
            for fetched, image, one in zip(batch, images, prepared, strict=True)
        ]

    def _encoded(self, candidates: Sequence[Candidate], quality: float) -> list[Encoded]:
        options = [EncodeOptions(quality=quality)] * len(candidates)
        return self._codec.encoder.finish([one.prepared for one in candidates], options)

    def _judged(self, candidate: Candidate, coded: Coded) -> Coded | str:
        """The image as it will be stored, or the reason to keep its original bytes."""

        def again(quality: float) -> Coded:
            (encoded,) = self._encoded([candidate], quality)
            (decoded,) = self._codec.decode([encoded.payload])
            return Coded(image=candidate.image, encoded=encoded, decoded=decoded.pixels, quality=quality)

        raised = self._floors.raised(coded, again)
        if isinstance(raised, str):
            return raised
        if raised.num_bytes >= candidate.room:
            ours = raised.num_bytes + len(candidate.image.alpha or b"")
            theirs = len(candidate.fetched.data or b"")
            return f"coded form ({ours} bytes) is not smaller than the source ({theirs} bytes)"
        return raised
