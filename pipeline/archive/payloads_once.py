"""Rows of a catalogue of which exactly one counts the bytes of a payload that several share.

As a shard is written, the first of them holds the payload, and `same_as_row` of the others says so. The first may have
gone since: another image lies under its key, or none. Then the first of the others that comes by counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue

_SHARED: Final = "same_as_row"


class Payload(NamedTuple):
    """Where a payload lies."""

    shard: str
    row: int
    """Of the shard: the one that holds it."""
    kind: str | None = None
    """The images that are meant, where they are counted by kind."""


def payloads_once(
    catalogue: Catalogue, columns: Sequence[str], *, kind: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Stream rows as `Catalogue.scan` does, with `same_as_row` null where the row counts its payload.

    Memory grows with the images that share the payload of another one.

    Args:
        catalogue: of a whole archive.
        columns: names, `same_as_row` among them.
        kind: a column of words. With it a payload counts once among the images of each kind that have it.
    """
    unheld = unheld_payloads(catalogue, kind=kind)
    if not unheld:
        yield from catalogue.scan(columns)
        return
    of_kind = () if kind is None else (kind,)
    for batch in catalogue.scan(list(dict.fromkeys((*columns, "shard", *of_kind)))):
        if batch[_SHARED].null_count == len(batch):
            yield batch.select(columns)
            continue
        numbers = [
            None if payload.row is not None and _take(unheld, payload) else payload.row
            for payload in _payloads(batch, _SHARED, kind)
        ]
        counted = pa.array(numbers, batch[_SHARED].type)
        place = batch.schema.get_field_index(_SHARED)
        yield batch.set_column(place, _SHARED, counted).select(columns)


def unheld_payloads(catalogue: Catalogue, *, kind: str | None = None) -> set[Payload]:
    """Payloads that rows share, and whose own row is no longer in the catalogue, or is of another kind."""
    of_kind = () if kind is None else (kind,)
    shared: set[Payload] = set()
    for batch in catalogue.scan(["shard", _SHARED, *of_kind]):
        shared.update(_payloads(batch.filter(pc.is_valid(batch[_SHARED])), _SHARED, kind))
    if not shared:
        return shared
    shards = pa.array({payload.shard for payload in shared}, pa.string())
    for batch in catalogue.scan(["shard", "row", *of_kind]):
        shared.difference_update(
            _payloads(batch.filter(pc.is_in(batch["shard"], value_set=shards)), "row", kind)
        )
    return shared


def _payloads(rows: pa.RecordBatch, numbers: str, kind: str | None) -> Iterable[Payload]:
    kinds = itertools.repeat(None, len(rows)) if kind is None else rows[kind].to_pylist()
    return map(Payload, rows["shard"].to_pylist(), rows[numbers].to_pylist(), kinds)


def _take(payloads: set[Payload], payload: Payload) -> bool:
    """Whether it was there; then it is no more."""
    if payload not in payloads:
        return False
    payloads.remove(payload)
    return True
