"""Two drivers at once on one archive in a bucket: no image twice, none lost, and the lease lets one nightly in."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

from pipeline.store.storage import Storage
from tests.chaos.invariants import Witness
from tests.chaos.settings import write_settings
from tests.chaos.verbs import finish, start
from tests.support.pictures import change, contents, fill
from tests.support.seaweed import S3Server

_IMAGES = 20


def side_by_side(folder: Path, server: S3Server, rng: random.Random, *, until: float) -> Counter[str]:
    """Rounds of changes, each followed by two of the same verb, started together, the second one a little later.

    The environment holds the server's address and keys.

    Returns:
        How the verbs ended, by exit code, and the rounds.
    """
    source, log = folder / "source", folder / "log.txt"
    archive = f"s3://{server.bucket()}/archive"
    config = write_settings(folder, max_images=3, source=source, archive=archive, deletes="fail-if-over 100%")
    fill(source, _IMAGES, rng)
    witness = Witness(Storage(archive))
    counts: Counter[str] = Counter()
    verbs: list[tuple[str | Path, ...]] = [
        ("compress", source, archive, "--config", config),
        ("nightly", "--config", config),
    ]
    while not counts["rounds"] or time.monotonic() < until:
        change(source, rng)
        words = verbs[counts["rounds"] % 2]
        pair = [start(*words, log=log)]
        time.sleep(rng.choice((0.0, rng.uniform(0, 1.5))))
        pair.append(start(*words, log=log))
        for process in pair:
            process.join(300)
            code = process.exitcode
            allowed = (0, 3, 11) if words[0] == "nightly" else (0, 3)
            assert code in allowed, f"{words[0]} ended with {code}: {log}"
            counts[f"{words[0]} ended with {code}"] += 1
        finish("nightly", "--config", config, log=log)
        # which of two runs brought an image in is chance, so no run's own count is exact
        witness.check(contents(source), runs_are_exact=False)
        counts["rounds"] += 1
    return counts
