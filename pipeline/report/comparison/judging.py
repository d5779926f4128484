"""Which judges the report asks: all that a core answers in seconds an image, and none that says the same as another."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from codec.bench.judges import Judge, all_judges

REPORTED: Final = ("SSIMULACRA2", "LPIPS (AlexNet)", "DISTS", "KD-lite0", "blockiness", "spectral peaks")


@cache
def reported_judges() -> dict[str, Judge]:
    """By their ids, in the order in which the report shows them."""
    judges = {judge.name: judge for judge in all_judges()}
    return {judge_id(judges[name]): judges[name] for name in REPORTED}


def judge_id(judge: Judge) -> str:
    """Its name as a column and a key of JSON have it: `lpips_alexnet`."""
    return re.sub(r"[^a-z0-9]+", "_", judge.name.lower()).strip("_")
