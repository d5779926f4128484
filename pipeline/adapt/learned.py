"""What a worker says that came of an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from codec.adaptation.verdict import Verdict
from pipeline.archive.adaptations import BandOfQuality, Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Where it was accepted, the weights are in the archive; no record names them yet."""

    accepted: bool
    reason: str
    weights: tuple[bytes, ...]
    """Digests of the sets of weights that were judged; none where it did not come to that."""
    learned_from: int
    """Images."""
    seconds: float
    """Of training."""
    steps: int
    evidence: Evidence | None

    @classmethod
    def nothing(cls, reason: str, *, learned_from: int) -> Self:
        """Of an attempt that did not come to a verdict."""
        return cls(
            accepted=False,
            reason=reason,
            weights=(),
            learned_from=learned_from,
            seconds=0.0,
            steps=0,
            evidence=None,
        )


def evidence_of(verdict: Verdict, keys: Sequence[str]) -> Evidence | None:
    """A verdict as the archive keeps it; None where nothing could be compared.

    Args:
        keys: of the images held back, as they were measured.
    """
    if verdict.worst_image is None:
        return None
    return Evidence(
        images=verdict.images,
        percent=verdict.percent,
        bands=tuple(
            BandOfQuality(from_quality=band.from_quality, to_quality=band.to_quality, percent=band.percent)
            for band in verdict.bands
        ),
        worst_key=keys[verdict.worst_image],
        worst_percent=verdict.worst_percent,
        weights_bytes=verdict.weights_bytes,
        pays_back_after_bytes=verdict.pays_back_after_bytes,
    )
