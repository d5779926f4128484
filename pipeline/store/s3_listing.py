"""A listing of a bucket's prefix in the order of its keys, with wide folders listed side by side.

A store gives a thousand names an answer, and takes a tenth of a second for it however many ask at once. So a folder
whose first answer shows that there is more, and that it lies in folders, is divided: its folders are asked for by name,
and each is listed by itself, divided again where that is due. Prefixes make the parts, so that nothing is lost on a
store that does not list in key order; what lies in one flat folder is listed by one answer after the other.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import threading
import weakref
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO, Final, Protocol

from pipeline.store.backend import Page
from pipeline.store.s3_pages import Names

_AT_ONCE: Final = 16
"""Folders that are listed at once."""
_FEW_FOLDERS: Final = 4
"""A first answer that spans more folders than this is of small ones: asking for each would cost more answers."""
_HELD: Final = 16
"""Answers that wait in memory, for each folder; more wait in a temporary file."""
_AHEAD: Final = 4000
"""Answers that wait in all, at most, before no further folder is begun; about 100 bytes a name on the disk."""


class Ask(Protocol):
    """One request for names below a prefix."""

    def __call__(self, prefix: str, *, level: bool = False, token: str | None = None) -> Names:
        """One answer; with `level`, folders instead of what lies in them."""
        ...


def listed(ask: Ask, prefix: str, *, skip: Callable[[str], bool]) -> Iterator[Page]:
    """The objects below a prefix.

    Args:
        skip: whether nothing below a prefix is wanted.
    Raises:
        Whatever `ask` raises.
    """
    return _Listing(ask, prefix, skip).pages()


class _Listing:
    """The parts that are still to be given out, in order, and the folders among them that are under way."""

    def __init__(self, ask: Ask, prefix: str, skip: Callable[[str], bool]) -> None:
        self._ask = ask
        self._skip = skip
        self._parts: deque[Page | _Folder] = deque([_Folder(ask, prefix)])
        self._is_over = threading.Event()

    def pages(self) -> Iterator[Page]:
        try:
            while self._parts:
                part = self._parts[0]
                if isinstance(part, Page):
                    self._parts.popleft()
                    yield part
                    continue
                self._tend()
                page = part.next()
                if page is not None:
                    yield page
                elif self._parts[0] is part:
                    self._parts.popleft()
                    self._parts.extendleft(reversed(self._wanted(part)))
        finally:
            self._is_over.set()

    def _tend(self) -> None:
        """Put the parts of divided folders in their place, and begin the first that are not begun."""
        waiting = active = 0
        for part in list(self._parts):
            if isinstance(part, Page):
                continue
            if part.is_divided and part is not self._parts[0]:
                place = self._parts.index(part)
                self._parts.remove(part)
                for number, piece in enumerate(self._wanted(part)):
                    self._parts.insert(place + number, piece)
                continue
            if not part.is_begun and active < _AT_ONCE and (waiting < _AHEAD or part is self._parts[0]):
                part.begin(self._is_over)
            active += part.is_active
            waiting += part.waiting
            if active >= _AT_ONCE:
                return

    def _wanted(self, folder: _Folder) -> list[Page | _Folder]:
        return [part for part in folder.parts if isinstance(part, Page) or not self._skip(part.prefix)]


class _Folder:
    """Everything below one prefix: pages that a thread of its own fetches ahead, or the parts it is divided into."""

    def __init__(self, ask: Ask, prefix: str) -> None:
        self.prefix = prefix
        self.parts: list[Page | _Folder] = []
        """Once it is divided."""
        self.is_begun = False
        self.is_active = False
        self._ask = ask
        self._fetched = _Backlog()
        self._error: BaseException | None = None

    @property
    def is_divided(self) -> bool:
        return bool(self.parts) and not self.is_active

    @property
    def waiting(self) -> int:
        return len(self._fetched)

    def begin(self, is_over: threading.Event) -> None:
        self.is_begun = self.is_active = True
        threading.Thread(target=self._run, args=(is_over,), name="listing", daemon=True).start()

    def next(self) -> Page | None:
        """The next page; None at the end, or when the folder is divided."""
        page = self._fetched.take()
        if page is None and self._error is not None:
            raise self._error
        return page

    def _run(self, is_over: threading.Event) -> None:
        try:
            answer = self._ask(self.prefix)
            if answer.token is not None:
                self.parts = self._divided(answer.page)
            while not self.parts and not is_over.is_set():
                self._fetched.put(answer.page)
                if answer.token is None:
                    break
                answer = self._ask(self.prefix, token=answer.token)
        except BaseException as error:  # noqa: BLE001  crosses the thread; `next` raises it
            self._error = error
        finally:
            self.is_active = False
            self._fetched.end()

    def _divided(self, first: Page) -> list[Page | _Folder]:
        """The folder's objects and folders in the order of their names; empty where dividing would not pay."""
        start = len(self.prefix)
        folders = {path[start:].partition("/")[0] for path in first.paths if "/" in path[start:]}
        if not 1 <= len(folders) <= _FEW_FOLDERS:
            return []
        level = [self._ask(self.prefix, level=True)]
        while level[-1].token is not None:
            if len(level[-1].folders) <= _FEW_FOLDERS:  # objects, page after page: they have no parts
                return []
            level.append(self._ask(self.prefix, level=True, token=level[-1].token))
        names = sorted(name for answer in level for name in answer.folders)
        return _in_order([answer.page for answer in level], [_Folder(self._ask, name) for name in names])


def _in_order(pages: list[Page], folders: list[_Folder]) -> list[Page | _Folder]:
    parts: list[Page | _Folder] = []
    for page in pages:
        start = 0
        while folders and folders[0].prefix < (page.paths[-1] if page.paths else ""):
            stop = max(start, bisect_left(page.paths, folders[0].prefix))
            parts += [page.at(range(start, stop)), folders.pop(0)]
            start = stop
        parts.append(page.at(range(start, len(page))))
    return [part for part in [*parts, *folders] if not isinstance(part, Page) or len(part)]


class _Backlog:
    """Pages between the thread that fetches them and the one that takes them: the first few here, others on disk."""

    def __init__(self) -> None:
        self._pages: deque[Page | tuple[int, int]] = deque()
        """A page, or where in the file it lies."""
        self._file: IO[bytes] | None = None
        self._has_ended = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._pages)

    def put(self, page: Page) -> None:
        with self._changed:
            self._pages.append(page if len(self._pages) < _HELD else self._stored(page))
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._has_ended = True
            self._changed.notify()

    def take(self) -> Page | None:
        """The next page, waited for; None after the last."""
        with self._changed:
            self._changed.wait_for(lambda: self._pages or self._has_ended)
            if not self._pages:
                return None
            page = self._pages.popleft()
            return page if isinstance(page, Page) else self._loaded(*page)

    def _stored(self, page: Page) -> tuple[int, int]:
        data = pickle.dumps(page)
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="tenfold-listing-", buffering=0)  # noqa: SIM115 closed below
            weakref.finalize(self, self._file.close)
        start = self._file.seek(0, os.SEEK_END)
        self._file.write(data)
        return start, len(data)

    def _loaded(self, start: int, length: int) -> Page:
        assert self._file is not None, "what lies in the file was written to it"
        page: Page = pickle.loads(os.pread(self._file.fileno(), length, start))
        return page
