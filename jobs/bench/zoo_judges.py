"""Who judges in `tenfold bench zoo`: every judge that can be had here, or those that are named."""

from __future__ import annotations

from dataclasses import dataclass

from codec.bench.judges import Judge, all_judges
from codec.near_names import did_you_mean
from pipeline.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenJudges:
    """Those that judge, and why the others do not."""

    judges: tuple[Judge, ...]
    left_out: dict[str, str]


def chosen_judges(names: str | None) -> ChosenJudges:
    """The judges of a list separated by commas, or all; of them those that can be had here.

    Raises:
        UsageError: no judge has one of the names.
    """
    by_name = {judge.name: judge for judge in all_judges()}
    asked = list(by_name) if names is None else [name.strip() for name in names.split(",") if name.strip()]
    for name in asked:
        if name not in by_name:
            raise UsageError(
                f"Expected judges of {', '.join(by_name)}; got {name!r}{did_you_mean(name, by_name)}"
            )
    reasons = {
        name: judge.missing() if name in asked else "it was not asked for (--judges)"
        for name, judge in by_name.items()
    }
    left_out = {name: reason for name, reason in reasons.items() if reason is not None}
    judges = tuple(judge for name, judge in by_name.items() if name not in left_out)
    return ChosenJudges(judges=judges, left_out=left_out)
