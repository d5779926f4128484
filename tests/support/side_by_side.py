"""How `-n` shares the tests out among processes: files whole, and one process for what is dear to start or to make."""

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
_MADE_ONCE: Final = "installed"
"""The fixture that takes half a minute of a processor, and whose users elsewhere would make it again."""


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


@cache
def _asks_for_the_install(file: Path) -> bool:
    """Whether a test of a file takes Tenfold as installed."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return any(argument.arg == _MADE_ONCE for node in functions for argument in node.args.args)


class OneRayAtATime(LoadFileScheduling):  # type: ignore[misc]  # it is not typed
    """The fixtures of a file are made once or twice, and two Rays do not wait for each other's processors."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self._top = config.rootpath
        config.option.loadscopereorder = False  # by numbers of tests, which say little of how long they take

    def _split_scope(self, nodeid: str) -> str:
        name, *_, test = nodeid.split("::")
        file = self._top / name
        return "ray" if uses_ray(file, test.partition("[")[0]) or _asks_for_the_install(file) else name
