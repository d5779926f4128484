"""One process that decodes. It can be killed at any moment, and another takes its place.

A process, as the range coder holds Python's lock for as long as it works, and as nothing else can be ended that has
gone wrong. A pipe belongs to one process alone: what one left half-written is never read as the next one's answer.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from pipeline.serve.decoding.contract import DecoderDiedError, Made, NotMade, TookTooLongError
from pipeline.serve.view import View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

_STARTS_WITHIN_S: Final = 120.0
"""Loading PyTorch takes seconds; on a machine that is busy, many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderSettings:
    """How a process decodes."""

    archive: Storage
    device: str
    """Where codecs are loaded: `auto`, `cpu`, `cuda`, ..."""
    max_pixels: int
    """Of the largest kept file that is opened."""
    most_held_bytes: int
    """Of opened images together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a process is sent, alone or with others."""

    row: CatalogueRow
    view: View | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What it sends back."""

    outcomes: Sequence[Made | NotMade]
    """One for each task, in their order."""
    holds: frozenset[str]
    """Ids of the images that it holds open (image_id.py)."""


class DecoderProcess:
    """A decoder, whatever process it is at the time. Not for two threads at once, but for `close`."""

    def __init__(self, settings: DecoderSettings) -> None:
        """Take how it decodes; it begins when it is first asked, or told to start."""
        self._settings = settings
        self._running: tuple[BaseProcess, Connection] | None = None

    def start(self) -> None:
        """Be ready to be asked. It waits until PyTorch is loaded.

        Raises:
            DecoderDiedError: the process ended, or was not ready in two minutes.
        """
        if self._running is None:
            context = multiprocessing.get_context("spawn")
            here, there = context.Pipe()
            process = context.Process(
                target=_serve_parent, args=(there, self._settings), name="tenfold decoder", daemon=True
            )
            process.start()
            there.close()
            self._running = process, here
            try:
                self._receive(_STARTS_WITHIN_S)
            except TookTooLongError as error:
                raise DecoderDiedError from error

    def ask(self, tasks: Sequence[Task], *, timeout_s: float) -> Answer:
        """Have tasks done, in the time that they may take together.

        Raises:
            TookTooLongError: they were not done; the process was killed.
            DecoderDiedError: the process ended.
        """
        if self._running is not None and not self._running[0].is_alive():
            self.close()  # it died while it did nothing: that is no fault of these tasks
        self.start()
        assert self._running is not None
        try:
            self._running[1].send(tasks)
        except OSError as error:
            self.close()
            raise DecoderDiedError from error
        answer: Answer = self._receive(timeout_s)
        return answer

    def close(self) -> None:
        """End the process, whatever it does."""
        running, self._running = self._running, None
        if running is not None:
            process, connection = running
            process.kill()
            process.join()
            connection.close()

    def _receive(self, timeout_s: float) -> Any:
        assert self._running is not None
        connection = self._running[1]
        try:
            if connection.poll(timeout_s):
                return connection.recv()
        except (EOFError, OSError) as error:
            self.close()
            raise DecoderDiedError from error
        self.close()
        raise TookTooLongError


def _serve_parent(parent: Connection, settings: DecoderSettings) -> None:
    """What the process does: answer, one by one, until nobody is there to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal; the parent ends this one
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    import torch  # only where it is used: the process that answers HTTP needs none of it

    from pipeline.serve.decoding.image_maker import ImageMaker

    torch.set_num_threads(1)
    maker = ImageMaker(
        settings.archive,
        device=settings.device,
        max_pixels=settings.max_pixels,
        most_held_bytes=settings.most_held_bytes,
    )
    parent.send("ready")
    while True:
        try:
            tasks: Sequence[Task] = parent.recv()
        except (EOFError, OSError):
            return
        maker.open_together([task.row for task in tasks])
        outcomes = [maker.make(task.row, task.view) for task in tasks]
        parent.send(Answer(outcomes=outcomes, holds=maker.holds))
