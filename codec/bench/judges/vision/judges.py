"""The judges of this room, in the order in which tables show them."""

from __future__ import annotations

from typing import Final

from codec.bench.judges.judge import Judge
from codec.bench.judges.vision.edges import EDGES
from codec.bench.judges.vision.keypoints import ORB, SIFT
from codec.bench.judges.vision.lines import LINES
from codec.bench.judges.vision.regions import REGIONS

VISION_JUDGES: Final[tuple[Judge, ...]] = (EDGES, *ORB, *SIFT, LINES, REGIONS)
