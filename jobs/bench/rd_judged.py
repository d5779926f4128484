"""Our codec and the others at equal bytes before judges: what `tenfold bench rd --judge-at` adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from codec.bench.baselines import Baseline
from codec.bench.cache import KeptFolder
from codec.bench.judges import main_judges
from codec.bench.judges.trained_on import judges_of_training, judges_trained_on
from codec.bench.zoo.entrant import LEARNED_QUALITIES, Entrant, LearnedCoder, ordinary
from codec.bench.zoo.kept_shots import KeptShots
from codec.bench.zoo.measure import Plan, ZooImage, measure
from codec.bench.zoo.sheet import Sheet
from codec.codec import Codec
from codec.contract import FAITHFUL
from codec.decoder_file import shipped_decoders
from codec.decoder_name import name_in_files
from codec.registry import families
from codec.weights_file import config_of, digest_of
from jobs.bench.images import BenchImage
from jobs.terminal.progress import count_steps
from pipeline.own_code import VERSION


def judge_at(
    rates: tuple[float, ...],
    images: Sequence[BenchImage],
    codec: Codec,
    baselines: Sequence[Baseline],
    kept: Path,
    *,
    circumstances: dict[str, object],
    decoder: str = FAITHFUL,
) -> Sheet:
    """Each image by each codec at the setting whose whole payload is nearest to each rate; kept shots count.

    Args:
        baselines: those whose libraries are here.
        decoder: of the codec, whose pictures are judged too, beside the faithful ones.
    Raises:
        SourceError: an image changed meanwhile.
        OSError: the cache cannot be written.
    """
    missing = {judge.name: reason for judge in main_judges() if (reason := judge.missing()) is not None}
    originals = [ZooImage(key=image.key, digest=image.digest, pixels=image.pixels()) for image in images]
    plan = Plan(
        entrants=[
            *(_ours(codec, name) for name in dict.fromkeys((FAITHFUL, decoder))),
            *map(ordinary, baselines),
        ],
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


def _ours(codec: Codec, decoder: str) -> Entrant:
    faithful = Entrant(
        id=codec.id,
        title=f"Tenfold {codec.id}",
        source=codec.id,
        identity=f"{codec.id} {' '.join(sorted(codec.weights))}",
        qualities=LEARNED_QUALITIES,
        open=lambda: LearnedCoder(codec),
        trained_on=judges_trained_on(codec),
    )
    if decoder == FAITHFUL:
        return faithful
    return replace(
        faithful,
        id=f"{codec.id}@{decoder}",
        title=f"{faithful.title}, {decoder}",
        identity=f"{faithful.identity} {decoder} {VERSION}",
        open=lambda: LearnedCoder(codec, decoder),
        trained_on=frozenset[str]().union(*map(judges_of_training, _configs_of(codec, decoder))),
        generates=codec.named_decoder(decoder).generates,
    )


def _configs_of(codec: Codec, decoder: str) -> Iterator[str]:
    """What the weights files of a decoder say that ship for the weights of a codec."""
    own = {digest_of(data).hex() for data in codec.weights.values()}
    for family in families().values():
        for file, data in shipped_decoders(family):
            if family.id == codec.id and file.decoder == name_in_files(decoder) and file.shows in own:
                yield config_of(data, where=file.name)
