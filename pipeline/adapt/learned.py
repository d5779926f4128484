"""What a worker says that came of an attempt."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.archive.adaptations import Evidence


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
