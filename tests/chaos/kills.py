"""SIGKILL at any moment, again and again, then the same command once more: nothing is lost and nothing is wrong."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.prune.retention import Retention
from pipeline.prune.run import PruneRun
from pipeline.store.storage import Storage
from tests.chaos.invariants import SECRET, Witness
from tests.chaos.settings import write_settings
from tests.chaos.verbs import finish, start
from tests.support.pictures import change, contents, fill

_IMAGES = 24
_CHANGES = 12
"""Changes of the store that a verb makes here, about: kills at one of them fall between the first and the last."""


def under_kills(folder: Path, rng: random.Random, *, until: float) -> Counter[str]:
    """Rounds of changes to a source, each followed by a verb that is killed a few times and then let run.

    Args:
        until: `time.monotonic()` after which no round begins.
    Returns:
        How often each verb was killed, and how many rounds there were.
    """
    source, archive, log = folder / "source", folder / "archive", folder / "log.txt"
    config = write_settings(folder, source=source, archive=archive, deletes="fail-if-over 100%")
    fill(source, _IMAGES, rng)
    witness = Witness(Storage(archive))
    finish("nightly", "--config", config, "--webhook", f"http://127.0.0.1:9/{SECRET}", log=log)
    counts: Counter[str] = Counter()
    verbs: dict[str, tuple[str | Path, ...]] = {
        "nightly": ("nightly", "--config", config),
        "compress": ("compress", source, archive, "--config", config),
        "retry-failed": ("retry-failed", archive, "--config", config),
        "prune": ("prune", archive, "--keep-versions", "3", "--apply"),
    }
    seconds = dict.fromkeys(verbs, 2.0)
    while not counts["rounds"] or time.monotonic() < until:
        verb = rng.choice(sorted(verbs))
        change(source, rng)
        if verb == "prune":  # what goes now was marked long ago
            PruneRun(witness.archive, Retention(keep_versions=3), clock=_long_ago).apply()
        for _ in range(rng.randrange(2, 10)):
            at_a_change = rng.random() < 0.5
            process = start(*verbs[verb], log=log, die_at=rng.randrange(_CHANGES) if at_a_change else None)
            process.join(None if at_a_change else rng.uniform(0, seconds[verb]))
            if process.exitcode is None:
                process.kill()
            process.join()
            counts[verb] += process.exitcode == -9
            if process.exitcode != -9:  # it was faster: give it something to do
                change(source, rng)
        begun = time.monotonic()
        code = finish(*verbs[verb], log=log)
        seconds[verb] = 0.5 + time.monotonic() - begun
        assert code in (0, 3), f"{verb} ended with {code}: {log}"
        finish(*verbs["nightly"], log=log)  # what compress and retry-failed leave to it: deletes
        witness.check(contents(source))
        counts["rounds"] += 1
    return counts


def _long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=30)
