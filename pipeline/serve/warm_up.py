"""The first pictures, before anybody asks: then weights are loaded, and a client waits for its own picture alone."""

from __future__ import annotations

import asyncio
from typing import Final

import pyarrow.compute as pc

from pipeline.serve.site import Site
from pipeline.serve.view import View, upright_size
from pipeline.types import CatalogueRow

_LOOKED_AT: Final = 200
"""Rows among which images are looked for: archives are mostly of one codec."""
_SCALE: Final = 16


async def warm_up(site: Site) -> None:
    """Make a small picture of as many coded images as there are decoders; what fails is told to who asks for it."""
    small = ((row, _smallest(row)) for row in _coded(site))
    await asyncio.gather(*(site.images.file(row, view) for row, view in small), return_exceptions=True)


def _coded(site: Site) -> list[CatalogueRow]:
    rows = site.index.now.rows
    statuses = rows.read(range(min(len(rows), _LOOKED_AT)), ["status"])["status"]
    coded = pc.indices_nonzero(pc.equal(statuses, "coded")).to_pylist()
    found = map(rows.row, coded[: site.limits.decoders])
    return [row for row in found if row.num_pixels <= site.limits.max_pixels]


def _smallest(row: CatalogueRow) -> View:
    width, height = upright_size(row.width or 1, row.height or 1, row.orientation)
    return View(region=(0, 0, width, height), width=-(-width // _SCALE), height=-(-height // _SCALE))
