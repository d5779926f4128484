"""How `-n` shares the tests out among processes: files whole, and one process for all tests that start a Ray."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

_ON_RAY: Final = re.compile(r"\bmark\.ray\b|'ray_cluster'")


def uses_ray(file: Path, test: str) -> bool:
    """Whether a file of tests marks one of them `ray`, by its name."""
    marked = _marked(file)
    return "pytestmark" in marked or test in marked


@cache
def _marked(file: Path) -> frozenset[str]:
    """Names of the tests that a file marks, and of the marks that it gives a name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and _ON_RAY.search(ast.unparse(node.value)):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            marks = map(ast.unparse, node.decorator_list)
            if any(mark in found or _ON_RAY.search(mark) for mark in marks):
                found.add(node.name)
    return frozenset(found)


class OneRayAtATime(LoadFileScheduling):  # type: ignore[misc]  # it is not typed
    """The fixtures of a file are made once or twice, and two Rays do not wait for each other's processors."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self._top = config.rootpath
        config.option.loadscopereorder = False  # by numbers of tests, which say little of how long they take

    def _split_scope(self, nodeid: str) -> str:
        file, *_, test = nodeid.split("::")
        return "ray" if uses_ray(self._top / file, test.partition("[")[0]) else file
