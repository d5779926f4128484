"""images.parquet: one row an image of the catalogue, with what the comparison found where it took part."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.report.aggregate import IMAGE_COLUMNS
from pipeline.report.comparison.methods import FIDELITY, Fidelity, Score, Size
from pipeline.report.comparison.results import matches
from pipeline.report.comparison.run import ComparedImage, Comparison

_DERIVED: Final = ("ratio_vs_raw", "ratio_vs_source", "zip_ratio_vs_raw")


def images_parquet(catalogue: Catalogue, comparison: Comparison | None) -> bytes:
    """The whole file; the catalogue is streamed, what is held is the compressed file: some 100 bytes an image."""
    found = {} if comparison is None else {entry.row.key: numbers_of(entry) for entry in comparison.entries}
    names = sorted({name for numbers in found.values() for name in numbers})
    schema = pa.schema(
        [CATALOGUE_SCHEMA.field(name) for name in IMAGE_COLUMNS]
        + [pa.field(name, pa.float64()) for name in (*_DERIVED, *names)]
    )
    file = io.BytesIO()
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in catalogue.scan(IMAGE_COLUMNS):
            writer.write_table(
                pa.table([*batch.columns, *_derived(batch), *_found(batch, found, names)], schema)
            )
    return file.getvalue()


def numbers_of(entry: ComparedImage) -> dict[str, float]:
    """What the comparison found for one image, by column."""
    numbers: dict[str, float | None] = {}
    for name, result in entry.results.items():
        match result:
            case Size(num_bytes=num_bytes):
                numbers[f"{name}_bytes"] = num_bytes
            case Fidelity(ssim=value) if name == FIDELITY:
                numbers["ssim"] = value
            case Score(value=value):
                numbers[name] = value
            case _:
                pass
    for name, one in matches(entry).items():
        if not isinstance(one.psnr_db_at_our_bpp, str):
            numbers[f"{name}_psnr_db_at_our_bpp"] = one.psnr_db_at_our_bpp
        if not isinstance(one.bytes_at_our_psnr, str):
            numbers[f"{name}_bytes_at_our_psnr"] = one.bytes_at_our_psnr
    return {name: float(value) for name, value in numbers.items() if value is not None}


def _derived(batch: pa.RecordBatch) -> Iterator[pa.Array]:
    pixels = pc.multiply(_float(batch, "width"), _float(batch, "height"))
    is_seen = pc.is_valid(batch["zip_bytes"])
    raw = pc.if_else(is_seen, pc.multiply(pixels, 3.0), _float(batch, "source_size"))  # as `Totals` counts
    held = _float(batch, "payload_length")
    yield _ratio(raw, held)
    yield _ratio(_float(batch, "source_size"), held)
    yield _ratio(raw, _float(batch, "zip_bytes"))


def _found(batch: pa.RecordBatch, found: dict[str, dict[str, float]], names: list[str]) -> Iterator[pa.Array]:
    of_rows: list[dict[str, Any]] = [found.get(key, {}) for key in batch["key"].to_pylist()]
    for name in names:
        yield pa.array([of_row.get(name) for of_row in of_rows], pa.float64())


def _float(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch[name].cast("float64")


def _ratio(part: pa.Array, whole: pa.Array) -> pa.Array:
    """Null where there is nothing to divide by."""
    return pc.divide(part, pc.if_else(pc.equal(whole, 0.0), pa.scalar(None, pa.float64()), whole))
