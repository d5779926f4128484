"""The sheet: a row for every entrant at every rate, and what was not measured, with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from codec.bench.judges import Judge
from codec.bench.zoo.entrant import Entrant
from codec.bench.zoo.shot import ZooShot
from codec.metrics import bpp as bits_per_pixel

_NEAR: Final = 0.06
"""What is further from the rate asked for, by its logarithm, is not of matched bytes. Half a step of JPEG is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """One entrant at one rate: means over images, seconds over all pixels."""

    entrant: Entrant
    asked_bpp: float
    bpp: float
    ratio: float
    """All raw 24-bit bytes over all payload bytes."""
    psnr_db: float
    encode_s_per_mp: float
    decode_s_per_mp: float
    lost_db: float | None
    """Generation loss; None where it was not measured."""
    scores: Mapping[str, float]
    """By the names of judges; those without a score for every image are not here."""

    @property
    def is_matched(self) -> bool:
        """Whether it stands beside the others at equal bytes."""
        return is_near(self.bpp, self.asked_bpp)

    def value(self, measure: str) -> float | None:
        """A measure by its name: `bpp`, `ratio`, `psnr_db`, `lost_db`, `encode_s_per_mp`, `decode_s_per_mp`,
        `parameters`, `minutes`, or a judge's; None where there is none."""
        if measure in ("bpp", "ratio", "psnr_db", "lost_db", "encode_s_per_mp", "decode_s_per_mp"):
            found: float | None = getattr(self, measure)
            return found
        if measure == "parameters":
            return None if self.entrant.cost is None else float(self.entrant.cost.parameters)
        return self.entrant.minutes if measure == "minutes" else self.scores.get(measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All that a run says in numbers."""

    circumstances: Mapping[str, Any]
    """Machine, versions, commit, date."""
    images: Mapping[str, tuple[int, int]]
    """Key to width and height, as measured."""
    rates: tuple[float, ...]
    """Bits per pixel, rising."""
    judges: tuple[Judge, ...]
    """Those that judged something."""
    rows: tuple[SheetRow, ...]
    floors: Mapping[str, float]
    """What judges of sets say of two halves of the originals, where nothing was lost."""
    not_measured: Mapping[str, str]
    """Entrants, judges and images, each with why."""

    def at(self, asked_bpp: float) -> list[SheetRow]:
        """The rows of a rate, in the order of the run."""
        return [row for row in self.rows if row.asked_bpp == asked_bpp]

    def row(self, entrant_id: str, asked_bpp: float) -> SheetRow | None:
        """That of an entrant at a rate."""
        return next((row for row in self.at(asked_bpp) if row.entrant.id == entrant_id), None)

    def entrants(self) -> list[Entrant]:
        """Those that have a row."""
        return list({row.entrant.id: row.entrant for row in self.rows}.values())


def is_near(bpp: float, asked_bpp: float) -> bool:
    """Whether bytes are matched."""
    return abs(math.log(bpp / asked_bpp)) <= _NEAR


def row_of(
    entrant: Entrant, asked_bpp: float, shots: Sequence[ZooShot], set_scores: Mapping[str, float]
) -> SheetRow:
    """The means of an entrant's shots at a rate, one an image, beside what judges of sets said of them."""
    pixels = sum(shot.width * shot.height for shot in shots)
    losses = [shot.lost_db for shot in shots if shot.lost_db is not None]
    everywhere = [name for name in shots[0].scores if all(name in shot.scores for shot in shots)]
    return SheetRow(
        entrant=entrant,
        asked_bpp=asked_bpp,
        bpp=_mean([bits_per_pixel(shot.num_bytes, shot.width, shot.height) for shot in shots]),
        ratio=3 * pixels / sum(shot.num_bytes for shot in shots),
        psnr_db=_mean([shot.psnr_db for shot in shots]),
        encode_s_per_mp=sum(shot.encode_s for shot in shots) / pixels * 1e6,
        decode_s_per_mp=sum(shot.decode_s for shot in shots) / pixels * 1e6,
        lost_db=_mean(losses) if len(losses) == len(shots) else None,
        scores={name: _mean([shot.scores[name] for shot in shots]) for name in everywhere} | dict(set_scores),
    )


def to_json(sheet: Sheet) -> dict[str, Any]:
    """What a program reads; what is infinite is null."""
    return {
        "circumstances": dict(sheet.circumstances),
        "images": {key: list(size) for key, size in sheet.images.items()},
        "judges": {judge.name: {"better": judge.better, "source": judge.source} for judge in sheet.judges},
        "floors": dict(sheet.floors),
        "not_measured": dict(sheet.not_measured),
        "entrants": {entrant.id: _facts(entrant) for entrant in sheet.entrants()},
        "rows": [_numbers(row) for row in sheet.rows],
    }


def _facts(entrant: Entrant) -> dict[str, Any]:
    return {
        "title": entrant.title,
        "source": entrant.source,
        "is_ordinary": entrant.is_ordinary,
        "cost": None if entrant.cost is None else asdict(entrant.cost),
        "minutes": entrant.minutes,
        "steps": entrant.steps,
        "trained_on": sorted(entrant.trained_on),
        "generates": entrant.generates,
    }


def _numbers(row: SheetRow) -> dict[str, Any]:
    numbers = {
        name: row.value(name)
        for name in ("bpp", "ratio", "psnr_db", "encode_s_per_mp", "decode_s_per_mp", "lost_db")
    }
    finite = {name: _finite(value) for name, value in numbers.items()}
    return {
        "entrant": row.entrant.id,
        "asked_bpp": row.asked_bpp,
        "is_matched": row.is_matched,
        **finite,
        "scores": {name: _finite(score) for name, score in row.scores.items()},
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
