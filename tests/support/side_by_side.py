"""How `-n` shares the tests out among processes: files whole, and one process for all that start a Ray."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

_USES_RAY: Final = re.compile(r"\bmark\.ray\b|\"ray_cluster\"")


@cache
def uses_ray(file: Path) -> bool:
    """Whether a file of tests marks any of them `ray`."""
    return _USES_RAY.search(file.read_text(encoding="utf-8")) is not None


class OneRayAtATime(LoadFileScheduling):  # type: ignore[misc]  # it is not typed
    """The fixtures of a file are made once, and two Rays do not wait for each other's processors."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self._top = config.rootpath
        config.option.loadscopereorder = False  # by numbers of tests, which say little of how long they take

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "ray" if uses_ray(self._top / file) else file
