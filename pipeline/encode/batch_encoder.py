"""A batch of images through the codec and back: payloads that were seen to decode, or why there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from codec.codec import Codec
from codec.contract import Encoded
from pipeline.encode.quality_floors import Floors
from pipeline.encode.quality_search import USUAL_SLOPE, nearest, on_grid, search_quality
from pipeline.encode.rate_control import RateControl
from pipeline.encode.tasks import Stages
from pipeline.encode.types import Candidate, Coded, Fetched
from pipeline.encode.weights_choice import WeightsChoice
from pipeline.image.read import to_rgb
from pipeline.types import Image
from pipeline.workers.torch_failures import OUT_OF_MEMORY, lost_device

_NEAR_TARGET: Final = 0.01
"""Payloads this near to their unit's target, as a share of it, stay as they are."""
_MOST_ROUNDS: Final = 4
"""Encodes of a unit's last images."""
_FARTHEST: Final = 4.0
"""Levels by which the last images' quality may part from the one that was asked for: effort moves bytes by less."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodedBatch:
    """What became of the images of a batch."""

    outcomes: Mapping[str, Coded | str]
    """By key; a text says why an image is kept. Images that the codec was not asked about are left out."""
    stages: Stages = field(default_factory=Stages)

    def __add__(self, other: CodedBatch) -> CodedBatch:
        return CodedBatch(outcomes={**self.outcomes, **other.outcomes}, stages=self.stages + other.stages)


class BatchEncoder:
    """Encodes at the pace of its unit, decodes as a self-check (decoding compares the symbols' CRC), holds the result
    against the floors."""

    def __init__(self, weights: WeightsChoice, floors: Floors, *, effort: int = 0) -> None:
        """Take the resident codec with its weights, what every image must reach, and how long to look for better
        payloads."""
        self._weights = weights
        self._floors = floors
        self._effort = effort

    def code(self, batch: Sequence[Fetched], rate_control: RateControl) -> CodedBatch:
        """Encode a batch.

        A batch that fails is halved until the image that the codec cannot take is alone: it is kept.

        Raises:
            MemoryError, torch.OutOfMemoryError: not even a single image had room: its worker's fault, or its size's.
            RuntimeError: the GPU no longer answers this process (`lost_device`).
        """
        images = [
            fetched
            for fetched in batch
            if isinstance(fetched.content, Image)
            and fetched.exact is None
            and fetched.source.prior.kept is None
        ]
        for key in {fetched.source.key for fetched in batch} - {fetched.source.key for fetched in images}:
            rate_control.not_coded(key)
        parts = (self._halving(part, rate_control, codec) for codec, part in self._by_codec(images))
        return sum(parts, CodedBatch(outcomes={}))

    def _by_codec(self, images: Sequence[Fetched]) -> Iterator[tuple[Codec, list[Fetched]]]:
        """The images of a batch by the weights that suit them."""
        begun: dict[Codec, list[Fetched]] = {}
        for fetched in images:
            begun.setdefault(self._codec_for(fetched), []).append(fetched)
        yield from begun.items()

    def _codec_for(self, fetched: Fetched) -> Codec:
        image = fetched.content
        try:
            return self._weights.of(to_rgb(image)) if isinstance(image, Image) else self._weights.first
        except Exception:  # noqa: BLE001  the row boundary: it fails again when it is coded, and is told then
            return self._weights.first

    def _halving(self, batch: Sequence[Fetched], rate_control: RateControl, codec: Codec) -> CodedBatch:
        try:
            coded, quality = self._coded(batch, rate_control, codec)
        except Exception as error:  # the row boundary: one image never stops a run
            if lost_device(error) or (len(batch) == 1 and isinstance(error, OUT_OF_MEMORY)):
                raise
            why = f"the codec could not encode it: {type(error).__name__}: {error}"
        else:
            for key, outcome in coded.outcomes.items():
                if isinstance(outcome, Coded):
                    size = outcome.image.width * outcome.image.height
                    rate_control.coded(key, num_pixels=size, num_bytes=outcome.num_bytes, quality=quality)
                else:
                    rate_control.not_coded(key)
            return coded
        # From here on the error is gone, and with its frames what the batch had taken of the device's memory.
        if len(batch) > 1:
            half = len(batch) // 2
            return self._halving(batch[:half], rate_control, codec) + self._halving(
                batch[half:], rate_control, codec
            )
        (key,) = (fetched.source.key for fetched in batch)
        rate_control.not_coded(key)
        return CodedBatch(outcomes={key: why})

    def _coded(
        self, batch: Sequence[Fetched], rate_control: RateControl, codec: Codec
    ) -> tuple[CodedBatch, float]:
        """The batch, and its quality before any floor."""
        begun = time.perf_counter()
        candidates = _candidates(batch, codec)
        analysed = time.perf_counter()
        asked = rate_control.quality(candidates)
        settled = time.perf_counter()
        quality, encoded = self._at_rate(candidates, asked, rate_control, codec)
        finished = time.perf_counter()
        decoded = codec.decode([one.payload for one in encoded])
        outcomes = {
            candidate.key: self._judged(
                candidate,
                Coded(image=candidate.image, encoded=one, decoded=back.pixels, quality=quality),
                codec,
            )
            for candidate, one, back in zip(candidates, encoded, decoded, strict=True)
        }
        stages = Stages(
            encode_s=(analysed - begun) + (finished - settled),
            search_s=settled - analysed,
            check_s=time.perf_counter() - finished,
        )
        return CodedBatch(outcomes=outcomes, stages=stages), quality

    def _at_rate(
        self, candidates: Sequence[Candidate], asked: float, rate_control: RateControl, codec: Codec
    ) -> tuple[float, list[Encoded]]:
        """The quality, and the payloads. Estimates know nothing of effort: payloads that would leave their unit off its
        target, with nothing to follow that makes up for it, are encoded again at a quality near the one asked for."""
        if not self._effort:
            return asked, self._encoded(candidates, asked, codec)
        tried: dict[float, list[Encoded]] = {}

        def excess(quality: float) -> float:
            tried[quality] = self._encoded(candidates, quality, codec)
            return rate_control.excess(candidates, [len(one.payload) for one in tried[quality]])

        looks = search_quality(
            excess,
            first=asked,
            slope=USUAL_SLOPE,
            tolerance=_NEAR_TARGET,
            most=_MOST_ROUNDS,
            low=on_grid(asked - _FARTHEST),
            high=on_grid(asked + _FARTHEST),
        )
        quality = nearest(looks).quality
        return quality, tried[quality]

    def _encoded(self, candidates: Sequence[Candidate], quality: float, codec: Codec) -> list[Encoded]:
        options = [one.options(quality, effort=self._effort) for one in candidates]
        prepared = [one.prepared for one in candidates]
        if self._effort:
            prepared = codec.refined([to_rgb(one.image) for one in candidates], prepared, options)
        return codec.encoder.finish(prepared, options)

    def _judged(self, candidate: Candidate, coded: Coded, codec: Codec) -> Coded | str:
        """The image as it will be stored, or the reason to keep its original bytes."""

        def again(quality: float) -> Coded:
            (encoded,) = self._encoded([candidate], quality, codec)
            (decoded,) = codec.decode([encoded.payload])
            return Coded(image=candidate.image, encoded=encoded, decoded=decoded.pixels, quality=quality)

        raised = self._floors.raised(coded, again)
        if isinstance(raised, str):
            return raised
        if raised.num_bytes >= candidate.room:
            theirs = len(candidate.fetched.data or b"")
            ours = raised.num_bytes + theirs - candidate.room
            return f"coded form ({ours} bytes) is not smaller than the source ({theirs} bytes)"
        return raised


def _candidates(batch: Sequence[Fetched], codec: Codec) -> list[Candidate]:
    images = [fetched.content for fetched in batch if isinstance(fetched.content, Image)]
    prepared = codec.encoder.prepare([to_rgb(image) for image in images])
    return [
        Candidate(fetched=fetched, image=image, encoder=codec.encoder, prepared=one)
        for fetched, image, one in zip(batch, images, prepared, strict=True)
    ]
