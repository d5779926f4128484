"""What every route of one server is given."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.serve.served_index import ServedIndex
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One archive, served. Routes hold it; nothing of it is global, so a process may have several."""

    archive: Storage
    index: ServedIndex
    """From keys to rows, at hand: ask it in the event loop."""
