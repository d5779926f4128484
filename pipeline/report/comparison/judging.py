"""The judges that the report asks, by names that columns and keys of JSON have."""

from __future__ import annotations

import re
from functools import cache

from codec.bench.judges import Judge, main_judges


@cache
def reported_judges() -> dict[str, Judge]:
    """By their ids, in the order in which the report shows them."""
    return {judge_id(judge): judge for judge in main_judges()}


def judge_id(judge: Judge) -> str:
    """Its name as a column and a key of JSON have it: `lpips_alexnet`."""
    return re.sub(r"[^a-z0-9]+", "_", judge.name.lower()).strip("_")
