"""Rows and Arrow columns: one schema per row class, derived from its fields so that the two always agree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

import pyarrow as pa

from pipeline.types import CatalogueRow, ShardRow

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RowT = TypeVar("RowT", bound="DataclassInstance")

_ARROW: dict[Any, pa.DataType] = {
    str: pa.string(),
    bytes: pa.binary(),
    bool: pa.bool_(),
    int: pa.int64(),  # Delta Lake has no unsigned integers
    float: pa.float64(),
    datetime: pa.timestamp("us", tz="UTC"),
}
_SHAPE = pa.list_(pa.field("element", pa.int64()))


def schema_of(row_type: type[DataclassInstance]) -> pa.Schema:
    """The Arrow schema of a row class: one column per field, nullable where the field may be None."""
    hints = get_type_hints(row_type)
    return pa.schema([_column(field.name, hints[field.name]) for field in fields(row_type)])


def _column(name: str, hint: Any) -> pa.Field:
    choices = [choice for choice in get_args(hint) if choice is not NoneType] if _optional(hint) else [hint]
    (plain,) = choices
    if get_origin(plain) is tuple:
        arrow = _SHAPE
    elif plain in _ARROW:
        arrow = _ARROW[plain]
    else:  # a Literal of strings
        arrow = _ARROW[type(get_args(plain)[0])]
    return pa.field(name, arrow, nullable=_optional(hint))


def _optional(hint: Any) -> bool:
    return NoneType in get_args(hint)


CATALOGUE_SCHEMA = schema_of(CatalogueRow)
"""Columns of the catalogue."""
SHARD_SCHEMA = schema_of(ShardRow).append(pa.field("row", pa.int64(), nullable=False))
"""Columns of a shard: the row's fields and its number."""


def schema_of_columns(names: Collection[str] | None) -> pa.Schema:
    """The part of CATALOGUE_SCHEMA that these columns are; None for all.

    Raises:
        ValueError: no such column.
    """
    if names is None:
        return CATALOGUE_SCHEMA
    unknown = [name for name in names if name not in CATALOGUE_SCHEMA.names]
    if unknown:
        raise ValueError(
            f"Expected columns of the catalogue, got {', '.join(unknown)}; "
            f"there are {', '.join(CATALOGUE_SCHEMA.names)}."
        )
    return pa.schema([CATALOGUE_SCHEMA.field(name) for name in names])


def columns_of(rows: Sequence[DataclassInstance], schema: pa.Schema) -> list[pa.Array]:
    """One array per field of `schema`, from rows that have all these fields."""
    return [pa.array([getattr(row, field.name) for row in rows], field.type) for field in schema]


def rows_of(columns: pa.Table | pa.RecordBatch, row_type: type[RowT]) -> list[RowT]:
    """Rows of a class from a table: columns it does not know are left out, missing ones are None."""
    names = [field.name for field in fields(row_type)]
    present = set(columns.schema.names)
    values = [_values(columns[name]) if name in present else [None] * columns.num_rows for name in names]
    return [row_type(**dict(zip(names, row, strict=True))) for row in zip(*values, strict=True)]


def _values(column: pa.Array | pa.ChunkedArray) -> Iterable[Any]:
    values = column.to_pylist()
    if pa.types.is_list(column.type):
        return [None if value is None else tuple(value) for value in values]
    if pa.types.is_timestamp(column.type):
        return [None if value is None else value.astimezone(UTC) for value in values]
    return list(values)
