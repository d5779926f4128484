"""Decoders of a cluster, as an app sees them."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Any, Final

from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from pipeline.metrics.serving import ServingMetrics
from pipeline.serve.decoding.contract import DecoderDiedError, Made, NotMade, OverloadedError
from pipeline.serve.image_id import opened_id
from pipeline.serve.limits import Limits
from pipeline.serve.view import View
from pipeline.serve_cluster.decoder_replica import Reply
from pipeline.types import CatalogueRow

_COMES_AGAIN_S: Final = 5.0
"""In so many seconds a cluster that is full has done something, and may have grown."""


class RemoteDecoders:
    """Implements `Decoders` by the replicas of a deployment. For one event loop.

    All that is asked of one image goes to one replica, which has it open then; where that one is full, to the next.
    """

    def __init__(self, replicas: Any, limits: Limits) -> None:
        """Take a handle of the deployment; nobody is asked yet."""
        self._replicas = replicas
        self._patience_s = 2 * limits.deadline_s
        self._asked = 0
        self._is_ready = False
        self._first: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether a replica has answered. Ray starts others where none is left."""
        return self._is_ready

    def report_to(self, metrics: ServingMetrics) -> None:
        """As `Decoders.report_to`."""
        metrics.watch(
            "tenfold_decoders_asked", "Requests that replicas work on or hold.", lambda: self._asked
        )

    async def start(self) -> None:
        """Wait in the background for the first replica; where the cluster keeps none, one starts."""
        self._first = asyncio.create_task(self._meet())

    async def close(self) -> None:
        """Leave the replicas to Ray."""
        if self._first is not None:
            self._first.cancel()

    async def make(self, row: CatalogueRow, view: View | None, *, alone: bool = False) -> Made | NotMade:
        """As `Decoders.make`. It waits as long as a request may wait, and then be decoded."""
        # Ray gives up what a request has asked for when its client leaves: others may wait for the same by then.
        asking = asyncio.create_task(self._ask(row, view, alone=alone), context=Context())
        self._asked += 1
        try:
            return await asking
        finally:
            self._asked -= 1

    async def _ask(self, row: CatalogueRow, view: View | None, *, alone: bool) -> Made | NotMade:
        replicas = self._replicas.options(session_id=opened_id(row, view))
        response = replicas.make.remote(row, view, alone=alone)
        try:
            async with asyncio.timeout(self._patience_s):
                reply: Reply = await response
        except TimeoutError as error:  # a replica says so itself before this: none has taken it
            response.cancel()
            raise OverloadedError(_COMES_AGAIN_S) from error
        except asyncio.CancelledError:
            response.cancel()
            raise
        except BackPressureError as error:
            raise OverloadedError(_COMES_AGAIN_S) from error
        except (RayActorError, DeploymentUnavailableError) as error:
            raise DecoderDiedError from error
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def _meet(self) -> None:
        while not self._is_ready:
            try:
                self._is_ready = await self._replicas.answers.remote()
            except (RayActorError, DeploymentUnavailableError):
                await asyncio.sleep(_COMES_AGAIN_S)
