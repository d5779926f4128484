"""Our codec and the others at equal bytes before judges: what `tenfold bench rd --judge-at` adds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codec.bench.baselines import Baseline
from codec.bench.cache import KeptFolder
from codec.bench.judges import main_judges
from codec.bench.judges.trained_on import judges_trained_on
from codec.bench.zoo.entrant import LEARNED_QUALITIES, Entrant, LearnedCoder, ordinary
from codec.bench.zoo.kept_shots import KeptShots
from codec.bench.zoo.measure import Original, Plan, measure
from codec.bench.zoo.sheet import Sheet
from codec.contract import Codec
from jobs.bench.images import BenchImage
from jobs.terminal.progress import count_steps


def judge_at(
    rates: tuple[float, ...],
    images: Sequence[BenchImage],
    codec: Codec,
    baselines: Sequence[Baseline],
    kept: Path,
    *,
    circumstances: dict[str, object],
) -> Sheet:
    """Each image by each codec at the setting whose whole payload is nearest to each rate; kept shots count.

    Args:
        baselines: those whose libraries are here.
    Raises:
        SourceError: an image changed meanwhile.
        OSError: the cache cannot be written.
    """
    missing = {judge.name: reason for judge in main_judges() if (reason := judge.missing()) is not None}
    originals = [Original(key=image.key, digest=image.digest, pixels=image.pixels()) for image in images]
    plan = Plan(
        entrants=[_ours(codec), *map(ordinary, baselines)],
        originals=originals,
        rates=rates,
        judges=[judge for judge in main_judges() if judge.name not in missing],
        shown=0,
    )
    with count_steps("judged codings", plan.steps) as advance:
        measured = measure(plan, KeptShots(KeptFolder(kept)), advance)
    return Sheet(
        circumstances=circumstances,
        images={one.key: (one.pixels.shape[1], one.pixels.shape[0]) for one in originals},
        rates=rates,
        judges=tuple(plan.judges),
        rows=measured.rows,
        floors=plan.floors(),
        not_measured={**missing, **measured.not_measured},
    )


def _ours(codec: Codec) -> Entrant:
    return Entrant(
        id=codec.id,
        title=f"Tenfold {codec.id}",
        source=codec.id,
        identity=f"{codec.id} {' '.join(sorted(codec.weights))}",
        qualities=LEARNED_QUALITIES,
        open=lambda: LearnedCoder(codec),
        trained_on=judges_trained_on(codec),
    )
