"""What a look at an archive has found so far."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.verify.damage import Problem
from pipeline.verify.tasks import VerifyResult


class Findings:
    """Problems, each told once, and how much was looked at."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._problems: dict[Problem, None] = {}  # a half of what killed a worker may see one again
        self.read_bytes = self.decoded = self.compared = 0
        self.referenced: set[str] = set()
        """Shards that the catalogue names."""
        self.inspected: set[str] = set()
        """Shards that were looked into."""

    @property
    def problems(self) -> list[Problem]:
        """In the order in which they were found."""
        return list(self._problems)

    def add(self, problems: Iterable[Problem]) -> None:
        """Take problems."""
        self._problems |= dict.fromkeys(problems)

    def note(self, path: str, key: str | None, problem: str) -> None:
        """Take one."""
        self.add([Problem(path=path, key=key, problem=problem)])

    def take(self, result: VerifyResult) -> None:
        """Take what a worker saw."""
        self.add(result.problems)
        self.read_bytes += result.read_bytes
        self.decoded += result.decoded
        self.compared += result.compared
