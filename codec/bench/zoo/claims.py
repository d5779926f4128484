"""What the log and the papers claim, and whether the rows of a sheet bear it out.

Claims are data (claims.yaml): a sentence, its source, and bars that rows must pass. Nobody writes a verdict: it follows
from the numbers of the run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from codec.bench.zoo.sheet import Sheet
from codec.errors import CodecConfigError

CLAIMS: Final = Path(__file__).with_name("claims.yaml")
_SAME_RATE: Final = 0.25
"""A claim is of a rate; the nearest one of the run answers it where its logarithm is no further away."""
_OF_ROWS: Final = {
    "psnr_db": ("higher", "dB PSNR"),
    "lost_db": ("lower", "dB lost after four generations"),
    "bpp": ("lower", "bpp"),
    "ratio": ("higher", "x smaller than raw pixels"),
    "encode_s_per_mp": ("lower", "s/MP to encode"),
    "decode_s_per_mp": ("lower", "s/MP to decode"),
    "parameters": ("lower", "parameters"),
}
"""What else than a judge may be held against a bar: which way is better, and its unit."""
Verdict = Literal["held", "missed", "not answered"]
VERDICTS: Final[tuple[Verdict, ...]] = ("held", "missed", "not answered")


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Threshold(_StrictModel):
    """What one row must reach."""

    measure: str
    """A judge's name, or `psnr_db`, `lost_db`, `bpp`, `ratio`, `encode_s_per_mp`, `decode_s_per_mp`, `parameters`."""
    of: str
    """The entrant that it is about."""
    at: float | None = None
    """Bits per pixel; None: the lowest rate of the run."""
    beats: str | None = None
    """Another entrant, ..."""
    by: float = 0.0
    """... by at least so much, in whichever direction is better; negative: is no more than so much worse."""
    least: float | None = None
    """The smallest value that passes, in the measure's unit."""
    most: float | None = None
    """The largest value that passes, in the measure's unit."""

    @model_validator(mode="after")
    def _one_bar(self) -> Self:
        if sum(bar is not None for bar in (self.beats, self.least, self.most)) != 1:
            raise ValueError("expected one of beats, least and most")
        return self


class Claim(_StrictModel):
    """A sentence, and what must be seen for it to be true."""

    sentence: str
    source: str
    """Where it is said."""
    bars: tuple[Threshold, ...]
    """All must be passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimAnswer:
    """What a run says to a claim."""

    claim: Claim
    verdict: Verdict
    rows: tuple[str, ...]
    """Ids of the entrants that answer it."""
    numbers: tuple[str, ...]
    """What was found for each bar, or why nothing was; a reason that several bars share, once."""


def read_claims(path: Path = CLAIMS) -> list[Claim]:
    """The claims of a file.

    Raises:
        CodecConfigError: it is not there, or not a list of claims.
    """
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [Claim.model_validate(one) for one in listed]
    except (OSError, yaml.YAMLError, TypeError, ValidationError) as error:
        raise CodecConfigError(f"expected a list of claims in {path}, got {error}") from error


def answered(claim: Claim, sheet: Sheet) -> ClaimAnswer:
    """Hold a claim against a sheet: missed where one bar is, not answered where one cannot be read."""
    found = [_read(bar, sheet) for bar in claim.bars]
    passed = [one for one, _ in found]
    verdict: Verdict = "held" if all(passed) else "not answered"
    if False in passed:
        verdict = "missed"
    named = dict.fromkeys(name for bar in claim.bars for name in (bar.of, bar.beats) if name)
    numbers = dict.fromkeys(words for _, words in found)
    return ClaimAnswer(claim=claim, verdict=verdict, rows=tuple(named), numbers=tuple(numbers))


def _read(bar: Threshold, sheet: Sheet) -> tuple[bool | None, str]:
    """Whether a bar is passed, None where that cannot be said; and the numbers, or why there are none."""
    better, unit = _direction(bar.measure, sheet)
    if better is None:
        return None, f"{bar.measure} was not measured"
    at = sheet.rates[0] if bar.at is None else min(sheet.rates, key=lambda rate: _apart(rate, bar.at))
    if _apart(at, bar.at) > _SAME_RATE:
        return None, f"nothing was measured near {bar.at:g} bpp"
    values: dict[str, float] = {}
    for name in filter(None, (bar.of, bar.beats)):
        row = sheet.row(name, at)
        value = None if row is None else row.value(bar.measure)
        if row is None or value is None:
            return None, f"{name} was not measured" if row is None else f"{name} has no {bar.measure}"
        has_more = name == bar.beats and row.bpp > at  # and is beaten in spite of it, or not
        if not (row.is_matched or has_more or bar.measure in ("bpp", "ratio", "parameters")):
            return None, f"{name} does not reach {at:g} bpp: it has {row.bpp:.3g}"
        values[name] = value
    return _held(bar, values, better, unit, at)


def _held(bar: Threshold, values: dict[str, float], better: str, unit: str, at: float) -> tuple[bool, str]:
    own = values[bar.of]
    said = f"{bar.of} {own:.4g}"
    if bar.beats is not None:
        gain = (own - values[bar.beats]) * (1.0 if better == "higher" else -1.0)
        bound = f"{bar.beats} {values[bar.beats]:.4g} (better by {gain:+.3g}, bar {bar.by:+.3g})"
        return gain >= bar.by, f"{said}, {bound} {unit} at {at:g} bpp"
    bound, passed = (
        (f"at least {bar.least:.4g}", own >= bar.least)
        if bar.least is not None
        else (f"at most {bar.most:.4g}", own <= (bar.most or 0.0))
    )
    return passed, f"{said} (bar: {bound}) {unit} at {at:g} bpp"


def _direction(measure: str, sheet: Sheet) -> tuple[str | None, str]:
    if measure in _OF_ROWS:
        return _OF_ROWS[measure]
    judge = next((judge for judge in sheet.judges if judge.name == measure), None)
    return (None, "") if judge is None else (judge.better, judge.name)


def _apart(rate: float, wanted: float | None) -> float:
    return 0.0 if wanted is None else abs(math.log(rate / wanted))
