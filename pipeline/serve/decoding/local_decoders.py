"""Decoders of this machine: who is served next, by which of them, and who is told to come again.

Work is counted in pixels. A request waits behind those that came before it, and is overtaken by those that came after
it and are done sooner than it has waited: small ones never wait long for large ones, and large ones not for ever.
Small images that wait go to a decoder together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Self, TypeVar

from pipeline.metrics.serving import ServingMetrics
from pipeline.serve.decoding.company import company_of, gains_by_company, most_together
from pipeline.serve.decoding.contract import (
    DecoderDiedError,
    Made,
    NotMade,
    OverloadedError,
    TookTooLongError,
)
from pipeline.serve.decoding.decoder_process import DecoderProcess, DecoderSettings, Task
from pipeline.serve.image_id import opened_id
from pipeline.serve.limits import Limits
from pipeline.serve.view import View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

_Result = TypeVar("_Result")
_log: Final = logging.getLogger(__name__)
_START_AGAIN_S: Final = 1.0
_PIXELS_PER_S: Final = 5_000_000
"""That a core decodes, about: what is counted on until it is known how fast this one is."""
_REMEMBERED: Final = 0.9
"""Of the work before, with each request, in how fast decoders are taken to be."""
_OF_DEADLINE: Final = 0.5
"""That may pass, by what is known of decoders, before who comes is served: they may prove slower."""
_FEWEST_PIXELS: Final = 65_536
"""No request costs less than so many."""
_PIXELS_OF_A_BYTE: Final = 0.1
"""That unpacking one costs."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Job:
    row: CatalogueRow
    view: View | None
    pixels: float
    is_alone: bool
    """While no decoder does anything else."""
    arrived: float
    outcome: asyncio.Future[Made | NotMade]
    takes_company: bool
    """Whether it is decoded for less beside others (company.py)."""
    image: str = field(init=False)

    def __post_init__(self) -> None:
        self.image = opened_id(self.row, self.view)

    @property
    def rank(self) -> float:
        """The lowest is served first."""
        return self.arrived + self.pixels / _PIXELS_PER_S


@dataclass(slots=True, kw_only=True, eq=False)
class _Decoder:
    process: DecoderProcess
    holds: frozenset[str] = frozenset()
    jobs: Sequence[_Job] = ()
    """What it works on: one, or small ones together."""
    is_started: bool = False
    """A process that died is replaced before it is asked again."""


@dataclass(slots=True, kw_only=True, eq=False)
class LocalDecoders:
    """Implements `Decoders` by processes. For one event loop."""

    settings: DecoderSettings
    limits: Limits
    _decoders: Sequence[_Decoder] = field(init=False)
    _threads: ThreadPoolExecutor = field(init=False)
    _waiting: list[_Job] = field(init=False, default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _is_closed: bool = field(init=False, default=False)
    _most_together: int = field(init=False)
    _lately: tuple[float, float] = field(init=False, default=(_PIXELS_PER_S, 1.0))
    """Pixels that decoders made, and the seconds that it took one."""

    def __post_init__(self) -> None:
        """Take how many there are; nothing runs yet."""
        number = self.limits.decoders
        self._most_together = most_together(self.settings.device)
        self._decoders = [_Decoder(process=DecoderProcess(self.settings)) for _ in range(number)]
        self._threads = ThreadPoolExecutor(number, thread_name_prefix="decoder")

    @classmethod
    def of(cls, archive: Storage, limits: Limits, *, device: str) -> Self:
        """Decoders of one archive; nothing runs yet.

        Args:
            device: where codecs are loaded.
        """
        settings = DecoderSettings(
            archive=archive, device=device, max_pixels=limits.max_pixels, most_held_bytes=limits.held_bytes
        )
        return cls(settings=settings, limits=limits)

    @property
    def is_ready(self) -> bool:
        """Whether a process was started."""
        return any(decoder.is_started for decoder in self._decoders)

    def report_to(self, metrics: ServingMetrics) -> None:
        """As `Decoders.report_to`."""
        metrics.watch("tenfold_decoders_busy", "Decoders that work.", self._busy)
        metrics.watch("tenfold_waiting_pixels", "Of requests that wait for a decoder.", self._waiting_pixels)

    async def start(self) -> None:
        """Start all processes; what is asked meanwhile waits for the first."""
        for decoder in self._decoders:
            self._go(self._begin(decoder))

    async def close(self) -> None:
        """End all processes; whoever waits is told that they are gone."""
        self._is_closed = True
        for job in self._waiting:
            job.outcome.cancel()
        self._waiting.clear()
        for decoder in self._decoders:
            await asyncio.to_thread(decoder.process.close)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown()

    async def make(self, row: CatalogueRow, view: View | None, *, alone: bool = False) -> Made | NotMade:
        """As `Decoders.make`. It waits at most as long as decoding may take, and is refused at once where the queue is
        full."""
        loop = asyncio.get_running_loop()
        job = _Job(
            row=row,
            view=view,
            pixels=self._cost(row, view),
            is_alone=alone,
            arrived=time.monotonic(),
            outcome=loop.create_future(),
            takes_company=not alone and gains_by_company(row, view, self._most_together),
        )
        if self._waiting:
            ahead = self._waiting_pixels()
            if self._seconds(ahead + job.pixels) > _OF_DEADLINE * self.limits.deadline_s:
                raise OverloadedError(self._seconds(ahead))
        self._waiting.append(job)
        late = loop.call_later(self.limits.deadline_s, self._give_up, job)
        self._begin_what_can()
        try:
            return await job.outcome
        finally:
            late.cancel()
            with suppress(ValueError):  # the client left before it was begun
                self._waiting.remove(job)

    def _seconds(self, pixels: float) -> float:
        """That all decoders take for so many, about."""
        made, took = self._lately
        return pixels / len(self._decoders) * took / made

    def _waiting_pixels(self) -> float:
        return sum(job.pixels for job in self._waiting)

    def _busy(self) -> int:
        return sum(bool(decoder.jobs) for decoder in self._decoders)

    def _cost(self, row: CatalogueRow, view: View | None) -> float:
        """In pixels: of what is shown where the image is open, else of all that must be decoded for it."""
        if view is None:
            return max(_FEWEST_PIXELS, (row.source_size or 0) * _PIXELS_OF_A_BYTE)
        width, height = row.width or 0, row.height or 0
        name, scale = opened_id(row, view), view.denominator(width, height, row.orientation)
        is_open = any(name in decoder.holds for decoder in self._decoders)
        if row.alpha_length and not is_open:
            scale = 1  # what is transparent is weighed in all pixels
        _, _, across, down = view.region if is_open else (0, 0, width, height)
        return max(_FEWEST_PIXELS, across * down / scale)

    def _give_up(self, job: _Job) -> None:
        if job in self._waiting and not job.outcome.done():
            job.outcome.set_exception(OverloadedError(self.limits.deadline_s))

    def _begin_what_can(self) -> None:
        in_order = sorted(self._waiting, key=lambda job: job.rank)
        running = [one for decoder in self._decoders for one in decoder.jobs]
        images = {one.image for one in running}
        for job in in_order:
            if any(one.is_alone for one in running):
                return
            if job.outcome.done() or job.image in images:
                continue  # nobody waits for it; or whoever works on this image will have it open
            pixels = sum(one.pixels for one in running) + job.pixels
            if running and (job.is_alone or pixels > self.limits.most_running_pixels):
                return  # those behind it do not overtake it for ever
            decoder = next(self._idle_for(job), None)
            if decoder is None:
                return
            taken = images.union(*(one.holds for one in self._decoders))
            decoder.jobs = tuple(company_of(job, in_order, taken, self._most_together))
            for one in decoder.jobs:
                self._waiting.remove(one)
                images.add(one.image)
            running += decoder.jobs
            self._go(self._run(decoder))

    def _idle_for(self, job: _Job) -> Iterator[_Decoder]:
        """Decoders that do nothing; first those that hold the image, then those that hold least."""
        idle = [one for one in self._decoders if one.is_started and not one.jobs]
        yield from sorted(idle, key=lambda one: (job.image not in one.holds, len(one.holds)))

    async def _begin(self, decoder: _Decoder) -> None:
        while not (decoder.is_started or self._is_closed):
            try:
                await self._in_thread(decoder.process.start)
                decoder.is_started = True
            except DecoderDiedError:
                if self._is_closed:
                    return
                _log.exception("A decoder could not be started; it is tried again")
                await asyncio.sleep(_START_AGAIN_S)
        self._begin_what_can()

    async def _run(self, decoder: _Decoder) -> None:
        jobs, began = decoder.jobs, time.monotonic()
        tasks = [Task(row=job.row, view=job.view) for job in jobs]
        try:
            answer = await self._in_thread(
                partial(decoder.process.ask, tasks, timeout_s=self.limits.deadline_s)
            )
        except (DecoderDiedError, TookTooLongError) as error:
            decoder.holds, decoder.jobs, decoder.is_started = frozenset(), (), False
            self._blame(jobs, error)
            await self._begin(decoder)
        else:
            decoder.holds, decoder.jobs = answer.holds, ()
            self._learn(sum(job.pixels for job in jobs), time.monotonic() - began)
            for job, outcome in zip(jobs, answer.outcomes, strict=True):
                if not job.outcome.done():
                    job.outcome.set_result(outcome)
            self._begin_what_can()

    def _learn(self, pixels: float, seconds: float) -> None:
        """Take decoders for as fast as they show themselves, and refuse who waits in vain if they are slower."""
        made, took = self._lately
        self._lately = _REMEMBERED * made + pixels, _REMEMBERED * took + seconds
        ahead, now = 0.0, time.monotonic()
        for job in sorted(self._waiting, key=lambda job: job.rank):
            wait_s = self._seconds(ahead + job.pixels)
            if not ahead or wait_s <= self.limits.deadline_s - (now - job.arrived):
                ahead += job.pixels
            elif not job.outcome.done():
                job.outcome.set_exception(OverloadedError(wait_s))

    def _blame(self, jobs: Sequence[_Job], error: Exception) -> None:
        """One image did it; of several nobody knows which, so each is tried by itself."""
        for job in jobs:
            if job.outcome.done():
                continue
            if len(jobs) == 1 or self._is_closed:
                job.outcome.set_exception(error)
            else:
                job.takes_company = False
                self._waiting.append(job)

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
