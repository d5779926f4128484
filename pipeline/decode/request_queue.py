"""A folder of request lists as a queue: each is taken by one worker at a time, and answered beside it.

    NAME.csv                  a list (requests.py), put there whole
    NAME.csv.answer.json      what came of it; a list that has an answer is done
    _claims/NAME.csv/         the lease of whoever works on it

There is no broker: a claim is a lease (pipeline/archive/lease.py), which one of many racers gets, and which a worker
that died loses within minutes. Whoever takes the list then goes on from the record of its job.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from pipeline.archive.lease import Lease
from pipeline.decode.requests import is_list
from pipeline.decode.summary import DecodeSummary
from pipeline.errors import LockedError, RestoreError, SourceError
from pipeline.store.backend import ObjectInfo
from pipeline.store.storage import Storage

_CLAIMS: Final = "_claims"
_ANSWER: Final = ".answer.json"
_PAUSE_S: Final = 2.0
"""Between two looks at the folder."""


class RequestQueue:
    """The queue, as one of its workers sees it. Any number may work on one folder."""

    def __init__(
        self,
        lists: Storage,
        work: Callable[[str], DecodeSummary],
        *,
        tell: Callable[[str, dict[str, Any]], None] = lambda _name, _answer: None,
    ) -> None:
        """Contact nothing yet.

        Args:
            lists: the folder.
            work: decodes what the list of a name asks for, and tells of images that are left where it had to stop.
            tell: is told of each answer, and the name of its list.
        """
        self._lists = lists
        self._work = work
        self._tell = tell

    def run(self, stop: Callable[[], bool]) -> int:
        """Work through the lists that are there, and wait for others, until it is time to stop.

        Returns:
            Lists that have no answer yet.
        Raises:
            TenfoldError: whatever does not lie in a list: the folder, the archive or the destination does not answer.
        """
        while not stop():
            answered = [self._take(name) for name in self._open() if not stop()]
            if not any(answered) and not stop():
                time.sleep(_PAUSE_S)
        return len(self._open())

    def _open(self) -> list[str]:
        """The lists without an answer, the oldest first."""
        found = {info.path: info for info in self._lists.list(exclude=[_CLAIMS])}
        waiting = (info for path, info in found.items() if is_list(path) and f"{path}{_ANSWER}" not in found)
        return [info.path for info in sorted(waiting, key=_age)]

    def _take(self, name: str) -> bool:
        """Answer a list, unless somebody else is at it; whether it was answered here."""
        claim = Storage(f"{self._lists.url}/{_CLAIMS}/{name}", self._lists.options)
        try:
            with Lease(claim, verb="decode"):
                if self._lists.exists(f"{name}{_ANSWER}"):
                    return False
                answer = self._answer(name)
                if answer is None:
                    return False
                text = json.dumps(answer, indent=2, ensure_ascii=False) + "\n"
                self._lists.create(f"{name}{_ANSWER}", text.encode())
        except LockedError:
            return False
        self._tell(name, answer)
        return True

    def _answer(self, name: str) -> dict[str, Any] | None:
        """What came of a list; None where some of it is left for whoever takes it next."""
        try:
            summary = self._work(name)
        except (SourceError, RestoreError) as error:
            return {"ok": False, "error": str(error)}
        if summary.left:
            return None
        facts = {key: value for key, value in asdict(summary).items() if not isinstance(value, list)}
        return {"ok": not summary.failed, **facts}


def _age(info: ObjectInfo) -> tuple[str, str]:
    return (info.mtime.isoformat() if info.mtime else "", info.path)
