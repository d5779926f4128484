"""What is asked of whoever decodes, and what comes back. It travels between processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from pipeline.metrics.serving import ServingMetrics
from pipeline.serve.view import View
from pipeline.types import CatalogueRow

Fault = Literal["damaged", "no picture", "too new", "store", "memory", "bug"]
"""Why nothing could be made.

- damaged: bytes of the archive are not those that were written.
- no picture: what is stored is sound, and there is nothing in it that could be shown so.
- too new: a later release stored it.
- store: the object store does not answer.
- memory: there is too little.
- bug: anything else; its traceback is in the log.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A file that was made."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMade:
    """One that could not be: the same would happen again, but for a fault of the store."""

    fault: Fault
    words: str
    """What was expected, what came, where, what to do."""


class OverloadedError(Exception):
    """More is asked for than can be made in time; nothing was begun."""

    def __init__(self, retry_after_s: float) -> None:
        """Take when room is expected."""
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


class TookTooLongError(Exception):
    """Decoding had not ended in its time, and was ended."""


class DecoderDiedError(Exception):
    """The process that decoded ended: killed, out of memory, or crashed by what it read."""


class Decoders(Protocol):
    """Whoever decodes: processes of this machine, or replicas of a cluster."""

    @property
    def is_ready(self) -> bool:
        """Whether somebody could begin at once."""
        ...

    def report_to(self, metrics: ServingMetrics) -> None:
        """Have shown how much they do."""
        ...

    async def start(self) -> None:
        """Get ready; it does not wait until all are."""
        ...

    async def close(self) -> None:
        """End what was started."""
        ...

    async def make(self, row: CatalogueRow, view: View | None, *, alone: bool = False) -> Made | NotMade:
        """Make a file of one image.

        Args:
            row: of a stored image.
            view: what to show of it; None for the file itself, of a kept or bounded image.
            alone: while nothing else is decoded, as it may have needed more memory than there is.
        Raises:
            OverloadedError, TookTooLongError, DecoderDiedError: as they say.
            asyncio.CancelledError: nobody waits for it any more; what is not begun is not done.
        """
        ...
