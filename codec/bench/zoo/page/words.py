"""Sentences that both pages say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from codec.bench.judges.trained_on import MARK
from codec.bench.zoo.claims import VERDICTS, ClaimAnswer
from codec.bench.zoo.sheet import Sheet

TITLE: Final = "The zoo: every codec at equal bytes"
PICTURES: Final = (
    "The place of each image where all codecs together are furthest from it, through each of them, at the same bytes "
    "of the whole image. Crops passed through WebP once more, at quality 90."
)
TABLES: Final = (
    "Whole payloads, headers included; each image at the setting nearest to the rate. Bold: the best of those at "
    f"matched bytes, where enough was seen to tell. {MARK} beside a score: the codec was trained on this judge, which "
    "therefore does not judge it. A row in grey does not reach the rate, and stands beside the others at other bytes."
)
CLAIMS: Final = (
    "What the research log and the papers say, and what this run found. A verdict is computed from the numbers; a "
    "claim that is missed stays, with its number."
)
GENERATED: Final = "generated"
"""The word on every picture that shows what no payload says."""


def tally(answers: Sequence[ClaimAnswer]) -> str:
    """How many claims were held, missed, and not answered."""
    counts = Counter(answer.verdict for answer in answers)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS) + "."


def about(sheet: Sheet) -> str:
    """Where the numbers are from."""
    circumstances = sheet.circumstances
    images = f"{len(sheet.images)} image{'' if len(sheet.images) == 1 else 's'}"
    named = (
        ", ".join(sheet.images)
        if len(sheet.images) <= 8
        else f"{', '.join(list(sheet.images)[:6])} and others"
    )
    commit = f", commit {circumstances['commit']}" if circumstances.get("commit") else ""
    machine, date = circumstances["machine"], circumstances["date"]
    return f"{images} of {_sizes(sheet)} ({named}); {machine}; {date}{commit}. CPU seconds."


def _sizes(sheet: Sheet) -> str:
    """How large they are."""
    widths, heights = zip(*sheet.images.values(), strict=True)
    spans = (
        f"{min(sides)}" if len(set(sides)) == 1 else f"{min(sides)} to {max(sides)}"
        for sides in (widths, heights)
    )
    return " x ".join(spans) + " pixels"
