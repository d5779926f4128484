"""Rows of a catalogue of which exactly one counts the bytes of a payload that several share.

As a shard is written, the first of them holds the payload, and `same_as_row` of the others says so. The first may have
gone since: another image lies under its key, or none. Then the first of the others that comes by counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue

_SHARED: Final = "same_as_row"
_Payload = tuple[str, int]
"""A shard, and the number of the row that holds it there."""


def payloads_once(catalogue: Catalogue, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Stream rows as `Catalogue.scan` does, with `same_as_row` null where the row counts its payload.

    Memory grows with the images that share the payload of another one.

    Args:
        catalogue: of a whole archive.
        columns: names, `same_as_row` among them.
    """
    unheld = _unheld(catalogue)
    if not unheld:
        yield from catalogue.scan(columns)
        return
    for batch in catalogue.scan(list(dict.fromkeys((*columns, "shard")))):
        if batch[_SHARED].null_count == len(batch):
            yield batch.select(columns)
            continue
        numbers = [
            None if number is not None and _take(unheld, (shard, number)) else number
            for shard, number in zip(batch["shard"].to_pylist(), batch[_SHARED].to_pylist(), strict=True)
        ]
        counted = pa.array(numbers, batch[_SHARED].type)
        place = batch.schema.get_field_index(_SHARED)
        yield batch.set_column(place, _SHARED, counted).select(columns)


def _unheld(catalogue: Catalogue) -> set[_Payload]:
    """Payloads that rows share, and whose own row is no longer in the catalogue."""
    shared: set[_Payload] = set()
    for batch in catalogue.scan(["shard", _SHARED]):
        shared |= _payloads(batch.filter(pc.is_valid(batch[_SHARED])), _SHARED)
    if not shared:
        return shared
    shards = pa.array({shard for shard, _ in shared}, pa.string())
    for batch in catalogue.scan(["shard", "row"]):
        shared -= _payloads(batch.filter(pc.is_in(batch["shard"], value_set=shards)), "row")
    return shared


def _payloads(rows: pa.RecordBatch, numbers: str) -> set[_Payload]:
    return set(zip(rows["shard"].to_pylist(), rows[numbers].to_pylist(), strict=True))


def _take(payloads: set[_Payload], payload: _Payload) -> bool:
    """Whether it was there; then it is no more."""
    if payload not in payloads:
        return False
    payloads.remove(payload)
    return True
