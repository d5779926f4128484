"""What a decode came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSummary:
    """What `tenfold decode --json` prints, a webhook gets, and `report.json` of a job's record keeps.

    Of a job that went on it tells all that the job came to, not only what was done since.
    """

    images: int
    written: int
    existing: int
    """Left out, because a file of their name was there and was to stay."""
    failed: int
    without_payload: int
    """Selected images of which the archive holds nothing: there is nothing to decode. Of a list of requests they are
    among the failed."""
    written_bytes: int
    seconds: float
    megapixels_per_second: float
    failures: list[dict[str, str]]
    renamed: list[dict[str, str]]
    """`key`, and the `name` of its file below the destination, where that is not what the key asks for, or stands for a
    name whose bytes are no text."""
    in_other_format: list[dict[str, str]]
    """`key`, and the `reason` why its file is in another format than was asked for."""
    left: int = 0
    """Images that the next run of the same command takes, because the time was up."""
    late: int = 0
    """Written images that were there only after their deadline."""
    packs: int = 0
    record: str | None = None
    """Where the job's record lies; None where none is kept."""
