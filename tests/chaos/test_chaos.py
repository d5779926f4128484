"""The fire, small. `make chaos` feeds it for as long as one likes, and takes nodes from a cluster besides."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.chaos.drivers import side_by_side
from tests.chaos.faults import FAULTS
from tests.chaos.kills import under_kills
from tests.chaos.soak import soak
from tests.chaos.storms import through_storms
from tests.support.seaweed import S3Server


def test_kills(tmp_path: Path) -> None:
    counts = under_kills(tmp_path, random.Random(1), until=time.monotonic() + 8)
    assert counts["rounds"] >= 1
    assert sum(counts.values()) > counts["rounds"], "nothing was killed"


def test_storms(tmp_path: Path) -> None:
    counts = through_storms(tmp_path, random.Random(2), until=time.monotonic() + 5)
    assert counts["rounds"] >= 1
    assert sum(counts[kind] for kind in FAULTS) >= 2


def test_two_drivers(tmp_path: Path, s3_env: S3Server) -> None:
    counts = side_by_side(tmp_path, s3_env, random.Random(3), until=time.monotonic() + 5)
    assert counts["rounds"] >= 1


def test_a_long_life(tmp_path: Path) -> None:
    counts = soak(tmp_path, random.Random(5), until=time.monotonic() + 10)
    assert sum(counts.values()) >= 5
