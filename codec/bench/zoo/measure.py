"""Every image through every entrant at every rate, one entrant after the other, so that one is loaded at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from codec.bench.judges import Judge, NoScoreError
from codec.bench.zoo.crops import ShownCrop, Strip, strip
from codec.bench.zoo.entrant import Coder, Entrant
from codec.bench.zoo.kept_shots import KeptShots
from codec.bench.zoo.matched_rate import RateSearch
from codec.bench.zoo.sheet import SheetRow, is_near, row_of
from codec.bench.zoo.shot import ZooShot, judged, lost_db, take
from codec.contract import RGB
from codec.errors import CodecError
from codec.metrics import bpp as bits_per_pixel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZooImage:
    """An image to measure on."""

    key: str
    digest: str
    pixels: RGB = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be measured."""

    entrants: Sequence[Entrant]
    originals: Sequence[ZooImage]
    rates: tuple[float, ...]
    """Bits per pixel, rising."""
    judges: Sequence[Judge]
    """Those that can be had here."""
    shown: int
    """Of how many images, the first, there are strips."""

    @property
    def steps(self) -> int:
        """Shots in all."""
        return len(self.entrants) * len(self.originals) * len(self.rates)

    def floors(self) -> dict[str, float]:
        """What judges of sets say where nothing was lost."""
        floors = {}
        for judge in self.judges:
            if judge.floor is not None:
                with suppress(NoScoreError):  # it has no score of any entrant either, and says why there
                    floors[judge.name] = judge.floor([original.pixels for original in self.originals])
        return floors

    @property
    def generations_at(self) -> float:
        """The rate at which generation loss is measured."""
        return self.rates[len(self.rates) // 2]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """What came of a plan."""

    rows: tuple[SheetRow, ...]
    not_measured: Mapping[str, str]
    strips: Mapping[float, tuple[Strip, ...]]
    """By rate."""


def measure(plan: Plan, kept: KeptShots, on_done: Callable[[], None]) -> Measured:
    """Measure what is not kept from an earlier run. An entrant that fails on an image has no row, and the reason.

    Args:
        on_done: called after each shot, kept ones included.
    Raises:
        OSError: what is to be kept cannot be written.
    """
    rows: list[SheetRow] = []
    not_measured: dict[str, str] = {}
    shown: dict[tuple[float, str], list[ShownCrop]] = {}
    for entrant in plan.entrants:
        entry = _Entry(entrant, plan, kept, on_done)
        try:
            measured = [entry.at(bpp) for bpp in plan.rates]
        except (CodecError, ValueError, RuntimeError) as error:
            not_measured[entrant.title] = f"it failed: {error}"
            continue
        not_measured |= entry.no_score
        for row, pictures in measured:
            rows.append(row)
            for key, picture in pictures.items():
                shown.setdefault((row.asked_bpp, key), []).append(picture)
    originals = {original.key: original.pixels for original in plan.originals}
    strips = {
        bpp: tuple(strip(key, originals[key], there) for (at, key), there in shown.items() if at == bpp)
        for bpp in plan.rates
    }
    return Measured(rows=tuple(rows), not_measured=not_measured, strips=strips)


class _Entry:
    """One entrant's part of a run. It is loaded when something is not kept, or a picture is to be shown."""

    def __init__(self, entrant: Entrant, plan: Plan, kept: KeptShots, on_done: Callable[[], None]) -> None:
        self._entrant, self._plan, self._kept, self._on_done = entrant, plan, kept, on_done
        self._loaded: Coder | None = None
        self._searches: dict[str, RateSearch] = {}
        self._decoded: dict[bytes, RGB] = {}
        self.no_score: dict[str, str] = {}
        """Which judge has no score of which image, and why."""

    def at(self, bpp: float) -> tuple[SheetRow, dict[str, ShownCrop]]:
        """The row at a rate, and what is shown of it, by the key of the image."""
        self._decoded.clear()
        taken = []
        for original in self._plan.originals:
            taken.append(self._shot(original, bpp))
            self._on_done()
        payloads = [payload for _, payload in taken]
        row = row_of(self._entrant, bpp, [shot for shot, _ in taken], self._of_sets(bpp, payloads))
        shown = {}
        for original, (shot, payload) in zip(self._plan.originals[: self._plan.shown], taken, strict=False):
            rate = bits_per_pixel(shot.num_bytes, shot.width, shot.height)
            shown[original.key] = ShownCrop(
                entrant=self._entrant.id,
                pixels=self._picture(payload),
                bpp=rate,
                psnr_db=shot.psnr_db,
                is_matched=is_near(rate, bpp),
            )
        return row, shown

    def _shot(self, original: ZooImage, bpp: float) -> tuple[ZooShot, bytes]:
        """Of one image: what is kept of it, and what that lacks."""
        kept = self._kept.load(self._entrant, original.digest, bpp)
        if kept is None:
            shot, payload, picture = take(self._coder(), original.pixels, self._search(original), bpp)
            self._decoded[payload] = picture
        else:
            shot, payload = kept
        complete = self._complete(shot, payload, original, loses=bpp == self._plan.generations_at)
        if kept is None or complete != shot:
            self._kept.store(self._entrant, original.digest, bpp, complete, payload)
        self.no_score |= {f"{name} on {original.key}": reason for name, reason in complete.no_score.items()}
        return complete, payload

    def _complete(self, shot: ZooShot, payload: bytes, original: ZooImage, *, loses: bool) -> ZooShot:
        """A shot with what all judges of pairs say, and its generation loss where that is told."""
        asked = {*shot.scores, *shot.no_score}
        judges = [judge for judge in self._plan.judges if judge.of_pair and judge.name not in asked]
        if judges:
            scores, no_score = judged(original.pixels, self._picture(payload), judges)
            shot = replace(shot, scores=shot.scores | scores, no_score=shot.no_score | no_score)
        if loses and shot.lost_db is None:
            shot = replace(shot, lost_db=lost_db(self._coder(), original.pixels, shot.quality))
        return shot

    def _of_sets(self, bpp: float, payloads: Sequence[bytes]) -> dict[str, float]:
        """What judges of sets say."""
        digests = [original.digest for original in self._plan.originals]
        scores: dict[str, float] = {}
        for judge in self._plan.judges:
            if judge.of_set is None:
                continue
            score = self._kept.load_of_set(self._entrant, digests, bpp, judge.name)
            if score is None:
                originals = [original.pixels for original in self._plan.originals]
                try:
                    score = judge.of_set(originals, [self._picture(payload) for payload in payloads])
                except NoScoreError as error:
                    self.no_score[judge.name] = str(error)
                    continue
                self._kept.store_of_set(self._entrant, digests, bpp, judge.name, score)
            scores[judge.name] = score
        return scores

    def _picture(self, payload: bytes) -> RGB:
        if payload not in self._decoded:
            self._decoded[payload] = self._coder().decode(payload)
        return self._decoded[payload]

    def _search(self, original: ZooImage) -> RateSearch:
        if original.digest not in self._searches:
            encode = self._coder().of(original.pixels)
            self._searches[original.digest] = RateSearch(encode, self._entrant.qualities)
        return self._searches[original.digest]

    def _coder(self) -> Coder:
        if self._loaded is None:
            self._loaded = self._entrant.open()
        return self._loaded
