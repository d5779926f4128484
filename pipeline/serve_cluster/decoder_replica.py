"""A replica of the deployment that decodes: what decodes for a server of one machine, asked from elsewhere.

Its event loop never decodes. So Ray always hears that it is well, and a decoder that has to be ended takes no replica
with it, nor what waits there.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

import ray

from pipeline.serve.decoding.contract import (
    DecoderDiedError,
    Made,
    NotMade,
    OverloadedError,
    TookTooLongError,
)
from pipeline.serve.decoding.local_decoders import LocalDecoders
from pipeline.serve.limits import Limits
from pipeline.serve.view import View
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow

Reply = Made | NotMade | OverloadedError | TookTooLongError | DecoderDiedError
"""Errors travel as answers: Ray would log one that is raised, with a traceback, for each request that is refused."""
_LOOK_EVERY_S: Final = 0.1


class DecoderReplica:
    """As many processes as Ray lends CPUs to this replica; one where it lends a part of a GPU."""

    async def __init__(  # type: ignore[misc]  # Ray awaits it
        self, archive: Storage, limits: Limits
    ) -> None:
        """Return when a decoder could begin: before that, Ray sends nobody here.

        Args:
            limits: of one decoder; how many there are is Ray's to say.
        """
        cpus = ray.get_runtime_context().get_assigned_resources().get("CPU", 1.0)
        has_gpu = bool(ray.get_gpu_ids())
        self._decoders = LocalDecoders.of(
            archive,
            replace(limits, decoders=1 if has_gpu else max(1, int(cpus))),
            device="cuda" if has_gpu else "cpu",
        )
        await self._decoders.start()
        while not self._decoders.is_ready:
            await asyncio.sleep(_LOOK_EVERY_S)

    async def answers(self) -> bool:
        """That somebody is here."""
        return True

    async def make(self, row: CatalogueRow, view: View | None, *, alone: bool) -> Reply:
        """As `Decoders.make`."""
        try:
            return await self._decoders.make(row, view, alone=alone)
        except (OverloadedError, TookTooLongError, DecoderDiedError) as error:
            return error

    async def __del__(self) -> None:
        """Ray calls it when the replica is to go, and waits."""
        await self._decoders.close()
