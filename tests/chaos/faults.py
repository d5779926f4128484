"""A store that fails: an fsspec filesystem on a folder whose operations go wrong now and then, by a seed.

What goes wrong: failing before the work, failing after it (the answer is lost), 503, timeouts, short reads, flipped
bits, slowness, listings that miss what is there or show what is not.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

FAULTS = ("before", "after", "busy", "timeout", "short", "flip", "slow", "listing")


class FaultyFilesystem(LocalFileSystem):  # type: ignore[misc]
    """`faulty:///folder`: the folder, through a line that cannot be trusted."""

    protocol = "faulty"
    cachable = False
    rng: ClassVar[random.Random] = random.Random(0)
    rate: ClassVar[float] = 0.0
    """Share of operations that go wrong."""
    kinds: ClassVar[tuple[str, ...]] = FAULTS
    seen: ClassVar[Counter[str]] = Counter()
    _lock: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + str(path).removeprefix("faulty://").lstrip("/")

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        fault = self._fault("before", "busy", "timeout", "short", "flip", "slow")
        data: bytes = super().cat_file(self._strip_protocol(path), start=start, end=end, **kwargs)
        if fault == "short":
            return data[: self.rng.randrange(len(data) + 1)]
        if fault == "flip" and data:
            mangled = bytearray(data)
            mangled[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
            return bytes(mangled)
        return data

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        fault = self._fault("before", "after", "busy", "timeout", "slow")
        target = self._strip_protocol(path)
        self.makedirs(self._parent(target), exist_ok=True)
        super().pipe_file(target, value, mode=mode, **kwargs)
        if fault == "after":
            raise OSError("the answer was lost")

    def rm_file(self, path: str) -> None:
        fault = self._fault("before", "after", "busy", "timeout", "slow")
        super().rm_file(self._strip_protocol(path))
        if fault == "after":
            raise OSError("the answer was lost")

    def info(self, path: Any, **kwargs: Any) -> dict[str, Any]:
        self._fault("before", "busy", "timeout", "slow")
        target = self._strip_protocol(path) if isinstance(path, str) else path  # else an entry of a listing
        found: dict[str, Any] = super().info(target, **kwargs)
        return found

    def find(self, path: str, **kwargs: Any) -> Any:
        fault = self._fault("before", "busy", "timeout", "slow", "listing")
        rate, type(self).rate = self.rate, 0.0  # what a listing asks below is not asked of the line
        try:
            found = super().find(self._strip_protocol(path), **kwargs)
        finally:
            type(self).rate = rate
        if fault == "listing" and len(found) > 1:  # as if somebody worked there meanwhile
            gone = self.rng.choice(sorted(found))
            found = {name: info for name, info in found.items() if name != gone}
            ghost = f"{gone}-ghost.png"
            found[ghost] = {"name": ghost, "size": 1000, "type": "file", "mtime": 1.7e9}
        return found

    def _fault(self, *possible: str) -> str:
        """Decide what goes wrong, and do what comes before the work."""
        with self._lock:
            chosen = [kind for kind in possible if kind in self.kinds]
            kind = self.rng.choice(chosen) if chosen and self.rng.random() < self.rate else ""
            if kind:
                self.seen[kind] += 1
        if kind == "before":
            raise ConnectionResetError("connection reset by peer")
        if kind == "busy":
            raise OSError("503 Service Unavailable: please reduce your request rate")
        if kind == "timeout":
            raise TimeoutError("timed out")
        if kind == "slow":
            time.sleep(0.05)
        return kind


fsspec.register_implementation("faulty", FaultyFilesystem, clobber=True)
