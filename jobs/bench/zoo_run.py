"""The measurements of `tenfold bench zoo`, in order, and the pages they end in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codec.bench.cache import KeptFolder
from codec.bench.judges import Judge
from codec.bench.judges.judge import middle
from codec.bench.kodak import image_digest
from codec.bench.one_core import one_core
from codec.bench.zoo.claims import answered, read_claims
from codec.bench.zoo.entrant import Entrant
from codec.bench.zoo.kept_shots import KeptShots
from codec.bench.zoo.measure import Plan, ZooImage, measure
from codec.bench.zoo.page import write_pages
from codec.bench.zoo.sheet import Sheet, to_json
from jobs.bench.images import BenchImage, BenchImages
from jobs.bench.machine import circumstances
from jobs.terminal.output import say
from jobs.terminal.progress import count_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much is measured."""

    count: int
    """Images, at most."""
    pixels: int
    """Of an image, at most: of larger ones the middle."""
    shown: int
    """Images of which the page shows pictures."""


def run_zoo(
    entrants: Sequence[Entrant],
    judges: Sequence[Judge],
    images: BenchImages,
    rates: tuple[float, ...],
    scope: Scope,
    *,
    claims: Path,
    kept: Path,
    out: Path,
    left_out: Mapping[str, str],
) -> dict[str, Any]:
    """Measure, write the pages, and say where they are; what is in zoo.json comes back.

    Raises:
        SourceError: an image changed meanwhile.
        CodecConfigError: the claims cannot be read.
        OSError: a folder cannot be written.
    """
    all_claims = read_claims(claims)
    originals = [_original(image, scope.pixels) for image in images.usable]
    plan = Plan(entrants=entrants, originals=originals, rates=rates, judges=judges, shown=scope.shown)
    with one_core(), count_steps("codings", plan.steps) as advance:
        measured = measure(plan, KeptShots(KeptFolder(kept)), advance)
    sheet = Sheet(
        circumstances=circumstances(),
        images={one.key: (one.pixels.shape[1], one.pixels.shape[0]) for one in originals},
        rates=rates,
        judges=tuple(judge for judge in judges if any(judge.name in row.scores for row in measured.rows)),
        rows=measured.rows,
        floors=plan.floors(),
        not_measured={**images.skipped, **left_out, **measured.not_measured},
    )
    for name, reason in sheet.not_measured.items():
        say(f"{name} is left out: {reason}")
    answers = [answered(claim, sheet) for claim in all_claims]
    pages = write_pages(sheet, answers, measured.strips, out)
    say(f"Written: {', '.join(page.name for page in pages)} in {out}")
    return to_json(sheet)


def _original(image: BenchImage, most: int) -> ZooImage:
    pixels = middle(image.pixels(), most)
    return ZooImage(key=image.key, digest=image_digest(pixels), pixels=pixels)
