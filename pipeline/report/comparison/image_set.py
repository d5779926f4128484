"""Images that are judged as one set: which they are, what is known of them together, and what comes of it.

What networks see in windows of an image is some hundred times its payload: workers hand it to the driver, and only the
score is kept. It is a number of these very images and payloads, under a digest of them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codec.bench.judges import NoScoreError
from codec.bench.judges.kernel_distance import (
    WINDOW,
    WINDOWS,
    Windows,
    floor_of,
    kernel_distance,
    windows_each,
)
from pipeline.report.comparison.methods import SetScore, Subject
from pipeline.types import CatalogueRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Some of the images drawn, all of them coded, none smaller than a window."""

    rows: tuple[CatalogueRow, ...]

    @classmethod
    def among(cls, rows: Sequence[CatalogueRow]) -> ImageSet:
        """Those that can be judged together; of very many, as many as there are windows, spread evenly."""
        able = [
            row for row in rows if row.status == "coded" and min(row.width or 0, row.height or 0) >= WINDOW
        ]
        step = max(1, -(-len(able) // WINDOWS))
        return cls(rows=tuple(able[::step]))

    @property
    def keys(self) -> frozenset[str]:
        """Of the images."""
        return frozenset(row.key for row in self.rows)

    @property
    def windows_each(self) -> int:
        """How many windows of each image are looked at."""
        return windows_each(len(self.rows))

    @property
    def subject(self) -> Subject:
        """What its score is kept under."""
        lines = sorted(f"{row.source_sha256} {row.payload_crc32c}" for row in self.rows)
        return Subject(sha256=hashlib.sha256("\n".join(lines).encode()).hexdigest(), payload_crc32c=None)

    def score(self, seen: Mapping[str, Windows]) -> SetScore | None:
        """By what was seen of its images, by key; None where too little was."""
        windows = [seen[row.key] for row in self.rows if row.key in seen]
        try:
            return SetScore(
                value=kernel_distance(windows),
                floor=floor_of([one.original for one in windows]),
                images=len(windows),
            )
        except NoScoreError:
            return None
