"""`make chaos`: every scenario in turn, each for its share of the time, from a seed that is printed.

python -m tests.chaos --seconds 1800 [--seed N] [--only kills --only soak]
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.chaos.drivers import side_by_side
from tests.chaos.kills import under_kills
from tests.chaos.nodes import without_a_node
from tests.chaos.soak import soak
from tests.chaos.storms import through_storms
from tests.support.seaweed import run_server


def main() -> None:
    """Run what was asked for; the folder of a scenario that fails is left behind, and named."""
    parser = argparse.ArgumentParser(description="Put archives under fire and look whether they hold.")
    parser.add_argument("--seconds", type=float, default=1800.0, help="for all scenarios together")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument("--only", action="append", choices=sorted(_SCENARIOS), help="may be given again")
    arguments = parser.parse_args()
    seed = secrets.randbits(32) if arguments.seed is None else arguments.seed
    names = arguments.only or list(_SCENARIOS)
    print(f"seed {seed}: python -m tests.chaos --seed {seed} --seconds {arguments.seconds:g}", flush=True)
    for name in names:
        folder = Path(tempfile.mkdtemp(prefix=f"tenfold-chaos-{name}-"))
        begun = time.monotonic()
        try:
            counts = _SCENARIOS[name](
                folder, random.Random(f"{seed} {name}"), begun + arguments.seconds / len(names)
            )
        except BaseException:
            print(f"{name}: failed, seed {seed}; see {folder}", file=sys.stderr, flush=True)
            raise
        words = ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
        print(f"{name}: held for {time.monotonic() - begun:.0f} s: {words}", flush=True)


def _timed(
    scenario: Callable[..., Counter[str]], folder: Path, rng: random.Random, until: float
) -> Counter[str]:
    return scenario(folder, rng, until=until)


def _drivers(folder: Path, rng: random.Random, until: float) -> Counter[str]:
    place = folder / "seaweed"
    place.mkdir()
    with run_server(place) as server:
        os.environ.update(server.environment())
        return side_by_side(folder, server, rng, until=until)


def _nodes(folder: Path, rng: random.Random, until: float) -> Counter[str]:
    counts: Counter[str] = Counter()
    while not counts or time.monotonic() < until:
        counts += without_a_node(folder / f"{counts['nodes lost']}", rng)
    return counts


_SCENARIOS: dict[str, Callable[[Path, random.Random, float], Counter[str]]] = {
    "kills": partial(_timed, under_kills),
    "storms": partial(_timed, through_storms),
    "drivers": _drivers,
    "soak": partial(_timed, soak),
    "nodes": _nodes,
}

if __name__ == "__main__":
    main()
