"""How far a run is: plain numbers that a terminal, a log and progress.json all draw from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from pipeline.totals import Totals


@dataclass(slots=True, kw_only=True)
class Progress:
    """Counts of one run so far. Mutable: one per run, written by the driver alone."""

    run: str = ""
    verb: str = "compress"
    phase: str = "listing"
    """listing, starting, working, done."""
    listed: int = 0
    """Images planned so far."""
    listing_done: bool = False
    unchanged: int = 0
    displacing: int = 0
    """Of the listed: images that take the place of one from another URL, under the same key."""
    finished: int = 0
    """Images whose shard is published (or file written)."""
    committed: int = 0
    totals: Totals = field(default_factory=Totals)
    started: float = field(default_factory=time.monotonic)
    work_started: float | None = None

    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self.started

    def megapixels_per_second(self) -> float:
        """Since the workers were up."""
        if self.work_started is None:
            return 0.0
        return self.totals.pixels / 1e6 / max(time.monotonic() - self.work_started, 1e-6)

    def seconds_left(self) -> float | None:
        """At the rate so far; None until the listing has ended and something is finished."""
        if not self.listing_done or not self.finished or self.work_started is None:
            return None
        spent = time.monotonic() - self.work_started
        return spent / self.finished * max(self.listed - self.finished, 0)

    def as_json(self) -> dict[str, object]:
        """For progress.json."""
        counts = asdict(self.totals)
        left = self.seconds_left()
        return {
            "run": self.run,
            "verb": self.verb,
            "phase": self.phase,
            "listed": self.listed,
            "listing_done": self.listing_done,
            "unchanged": self.unchanged,
            "displacing": self.displacing,
            "finished": self.finished,
            "committed": self.committed,
            **{name: counts[name] for name in ("coded", "kept", "failed", "payload_bytes")},
            "raw_bytes": self.totals.raw_bytes,
            "ratio_vs_raw": self.totals.ratio_vs_raw,
            "megapixels_per_second": round(self.megapixels_per_second(), 3),
            "seconds": round(self.seconds(), 1),
            "seconds_left": None if left is None else round(left, 1),
        }


OnProgress = Callable[[Progress], None]
"""Called often, from the driver's thread; must return quickly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a long piece of work without images is."""

    words: str
    done: int
    total: int | None = None


OnStep = Callable[[Step], None]
"""Called often; must return quickly."""
