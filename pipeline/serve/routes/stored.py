"""Answers about what is stored under a key, in the version that is served or, where that was pruned, in the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response

from pipeline.errors import TenfoldError
from pipeline.serve.http.problems import HttpProblem, nothing_stored, unknown_key
from pipeline.serve.site import Site
from pipeline.types import CatalogueRow


def stored_row(site: Site, key: str) -> CatalogueRow:
    """The row of a key under which something is stored.

    Raises:
        Problem: there is none.
    """
    row = site.index.find(key)
    if row is None:
        raise unknown_key(key)
    if row.payload_length is None:
        raise nothing_stored(row)
    return row


async def answer_stored(
    site: Site, key: str, answer: Callable[[CatalogueRow], Awaitable[Response]]
) -> Response:
    """What is answered of the row of a key; of its newest row where the shard of the one at hand is gone.

    A prune removes shards of versions before the newest, which a server may not have seen yet.

    Raises:
        Problem: nothing is stored there, or `answer` raises it of what is.
    """
    row = stored_row(site, key)
    try:
        return await answer(row)
    except HttpProblem as problem:
        is_unread = problem.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
        if not (is_unread and await asyncio.to_thread(_has_moved, site, row)):
            raise
    return await answer(stored_row(site, key))


def _has_moved(site: Site, row: CatalogueRow) -> bool:
    """Whether the shard of a row is gone, and a newer version has its key elsewhere or no more. It waits for the
    store."""
    try:
        if site.archive.exists(row.shard):
            return False
        site.index.refresh()
    except (TenfoldError, OSError):
        return False
    newest = site.index.find(row.key)
    return newest is None or newest.shard != row.shard
