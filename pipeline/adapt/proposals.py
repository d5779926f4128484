"""Whether an archive is to encode with what was learned: alone, or beside the weights that it has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from codec.adaptation.folder import Adapted
from codec.adaptation.measured import MeasuredWeights
from codec.adaptation.verdict import Verdict, verdict_on
from codec.training.image_crops import Crops, photo_of
from codec.weights_file import digest_of, weights_name
from pipeline.adapt.held_back import HeldBackImages
from pipeline.archive.weights import archived_digests, store_difference, store_weights
from pipeline.store.storage import Storage

_MOST_SETS: Final = 3
"""Of weights in use at once: each costs an encoder memory, and every image a comparison."""
_LEAST_GAIN: Final = 0.02
"""Share of its bits that an image saves where something helped it; less is chance."""
_LEAST_HELPED: Final = 16
"""Images: fewer are learned by heart."""
_MOST_HELPED: Final = 0.9
"""Share of all images: more of them are one kind."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Proposal:
    """What was learned, as it would be used, and the verdict on that."""

    verdict: Verdict
    sets: tuple[bytes, ...]
    """Weights files to encode with."""
    adapted: Adapted
    start: bytes
    """The weights that `adapted.difference` is from."""

    @property
    def is_alone(self) -> bool:
        """Whether what was learned takes the place of what was there."""
        return len(self.sets) == 1

    @property
    def rank(self) -> tuple[bool, float]:
        """What is accepted first, then what saves most."""
        percent = self.verdict.percent
        return not self.verdict.accepted, math.inf if math.isnan(percent) else percent


class Proposals:
    """Makes what was learned a proposal, with a verdict by the images held back, and stores the one that is taken."""

    def __init__(
        self,
        archive: Storage,
        held_back: HeldBackImages,
        current: Sequence[bytes],
        before: MeasuredWeights,
        *,
        expected_bytes: int,
    ) -> None:
        """Take the weights that the archive encodes with, and what they make of the images held back.

        Args:
            expected_bytes: of payloads that are going to be encoded.
        """
        self._archive = archive
        self.held_back = held_back
        self._current = tuple(current)
        self._before = before
        self._expected_bytes = expected_bytes

    def propose(self, adapted: Adapted, start: bytes, on_image: Callable[[int], None]) -> Proposal:
        """Propose it alone; where that is refused, beside the weights that are there, each image with what suits it."""
        alone = self._proposal((adapted.weights,), adapted, start, on_image)
        if alone.verdict.accepted:
            return alone
        others = self._current if len(self._current) < _MOST_SETS else self._current[:-1]
        with_others = self._proposal((*others, adapted.weights), adapted, start, on_image)
        return min(alone, with_others, key=lambda proposal: not proposal.verdict.accepted)

    def store(self, proposal: Proposal) -> None:
        """Put the weights of a proposal into the archive, where a record can name them."""
        archived = archived_digests(self._archive)
        for weights in proposal.sets[:-1]:
            store_weights(self._archive, {weights_name(digest_of(weights)): weights})
        weights, difference = proposal.adapted.weights, proposal.adapted.difference
        if difference is not None and (
            digest_of(proposal.start) in archived or proposal.start in proposal.sets
        ):
            store_difference(self._archive, weights, difference, base=proposal.start)
        else:
            store_weights(self._archive, {weights_name(digest_of(weights)): weights})

    def _proposal(
        self, sets: tuple[bytes, ...], adapted: Adapted, start: bytes, on_image: Callable[[int], None]
    ) -> Proposal:
        verdict = verdict_on(
            self._before,
            self.held_back.measured(sets, on_image),
            weights_bytes=self._added_bytes(sets, adapted, start),
            expected_bytes=self._expected_bytes,
        )
        return Proposal(verdict=verdict, sets=sets, adapted=adapted, start=start)

    def _added_bytes(self, sets: tuple[bytes, ...], adapted: Adapted, start: bytes) -> int:
        """What an archive with these sets takes over one without them."""
        if digest_of(start) in archived_digests(self._archive) or start in sets:
            return len(adapted.difference or adapted.weights)
        return max(0, len(adapted.weights) - len(start))  # what it takes the place of is not stored then


def helped_crops(
    held_back: HeldBackImages, before: bytes, after: bytes, crops: Crops, on_image: Callable[[int], None]
) -> Crops | None:
    """The crops of images that other weights help; None where that is nearly all of them, or few."""
    first = {photo_of(name): pixels for name, pixels in zip(crops.names, crops.pixels, strict=True)}
    gains = held_back.gains(before, after, list(first.values()), on_image)
    helped = {photo for photo, gain in zip(first, gains, strict=True) if gain > _LEAST_GAIN}
    if not _LEAST_HELPED <= len(helped) <= _MOST_HELPED * len(first):
        return None
    kept = [place for place, name in enumerate(crops.names) if photo_of(name) in helped]
    return Crops(
        names=tuple(crops.names[place] for place in kept), pixels=tuple(crops.pixels[place] for place in kept)
    )
