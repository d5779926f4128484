"""The fire, small: a round of each scenario. `make chaos` feeds it for as long as one likes, and takes nodes from a
cluster besides."""

from __future__ import annotations

import random
from pathlib import Path

from tests.chaos.drivers import side_by_side
from tests.chaos.faults import FAULTS
from tests.chaos.kills import under_kills
from tests.chaos.soak import Soak
from tests.chaos.storms import through_storms
from tests.support.seaweed import S3Server


def test_kills(tmp_path: Path) -> None:
    counts = under_kills(tmp_path, random.Random(1), until=0.0)
    assert counts["rounds"] == 1
    assert sum(counts.values()) > 1, "nothing was killed"


def test_storms(tmp_path: Path) -> None:
    counts = through_storms(tmp_path, random.Random(2), until=0.0)
    assert counts["rounds"] == 1
    assert sum(counts[kind] for kind in FAULTS) >= 2


def test_two_drivers(tmp_path: Path, s3_env: S3Server) -> None:
    counts = side_by_side(tmp_path, s3_env, random.Random(3), until=0.0)
    assert counts["rounds"] == 1


def test_a_long_life(tmp_path: Path) -> None:
    life = Soak(tmp_path, random.Random(5))
    for _ in range(8):
        life.step()
    life.verify()
    assert len(life.counts) >= 4
