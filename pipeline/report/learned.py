"""What an archive has learned from its images, for the page and the Markdown: a row for each adaptation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pipeline.archive.adaptations import AdaptationRecord, Evidence
from pipeline.report.phrases import megabytes

HEADINGS: Final = (
    "ended",
    "codec",
    "learned from",
    "in",
    "taken",
    "bits at equal PSNR",
    "by qualities",
    "least gain",
    "weights take",
    "paid back after",
)
WORDS: Final = (
    "A codec that is trained on some of an archive's images, and held against the weights before on others, by real "
    "bytes. What is better is taken: images are encoded with it from then on."
)


def learned_rows(records: Sequence[AdaptationRecord]) -> list[tuple[str, ...]]:
    """One row each, under `HEADINGS`."""
    return [_row(record) for record in records]


def _row(record: AdaptationRecord) -> tuple[str, ...]:
    evidence = record.evidence
    return (
        record.ended_at[:16].replace("T", " "),
        record.codec,
        f"{record.learned_from:,} of {record.listed_images:,} images",
        f"{record.seconds / 60:.1f} min",
        "yes" if record.accepted else f"no: {record.reason}",
        *(("-",) * 5 if evidence is None else _of_evidence(evidence)),
    )


def _of_evidence(evidence: Evidence) -> tuple[str, ...]:
    bands = (
        f"{band.from_quality:g} to {band.to_quality:g}: {band.percent:+.1f} %" for band in evidence.bands
    )
    pays_back = evidence.pays_back_after_bytes
    return (
        f"{evidence.percent:+.1f} % ({evidence.images:,} images)",
        ", ".join(bands),
        f"{evidence.worst_percent:+.1f} % ({evidence.worst_key})",
        megabytes(evidence.weights_bytes),
        "never" if pays_back is None else megabytes(pays_back),
    )
