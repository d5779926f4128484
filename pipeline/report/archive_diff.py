"""Two archives of the same images, held against each other: two codecs, or two qualities."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.report.histogram import Histogram
from pipeline.sampling import LowestRows
from pipeline.totals import COLUMNS, Totals

_MOST_DIFFERING: Final = 30
_COLUMNS: Final = ("key", "source_sha256", "codec", "quality", "bpp", *COLUMNS)
_FACTS: Final = ("status", "codec", "quality", "payload_length", "bpp", "psnr_db", "ms_ssim")
_APART: Final = "apart"
_SIDES: Final = ("this", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An image that is coded in both."""

    key: str
    this_psnr_db: float
    other_psnr_db: float
    this_bytes: int
    other_bytes: int

    @property
    def psnr_difference_db(self) -> float:
        """Positive: this archive's is nearer to the original."""
        return self.this_psnr_db - self.other_psnr_db

    @property
    def bytes_ratio(self) -> float:
        """This archive's bytes over the other's."""
        return self.this_bytes / self.other_bytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArchiveDiff:
    """Both, over the images of which they hold the same source file."""

    other_archive: str
    images: int
    changed: int
    """Under the same key in both, and not the same file."""
    this: Totals
    other: Totals
    psnr_difference_db: Histogram
    """Of images coded in both; positive: this archive's is nearer to the original."""
    bytes_ratio: Histogram
    """Of the same: this archive's bytes over the other's."""
    differing: list[Difference]
    """Those that differ most in PSNR, the most first."""


def compare_archives(this: Catalogue, other: Catalogue, *, other_archive: str) -> ArchiveDiff:
    """One pass over the images that both hold, in bounded memory.

    Raises:
        NoArchiveError: one of them is none.
    """
    sums = {"this": Totals(), "other": Totals()}
    changed = 0
    psnr, ratio = Histogram(-100, 100), Histogram(1e-3, 1e3, scale="log")
    apart = LowestRows(_MOST_DIFFERING, by=_APART)
    for rows in _joined(this, other):
        same = rows.filter(_is_same(rows))
        changed += len(rows) - len(same)
        for side in sums:
            sums[side] += Totals.of(
                same.select([f"{side}_{name}" for name in COLUMNS]).rename_columns(COLUMNS)
            )
        coded = same.filter(
            pc.and_(pc.equal(same["this_status"], "coded"), pc.equal(same["other_status"], "coded"))
        )
        gain = pc.subtract(coded["this_psnr_db"], coded["other_psnr_db"])
        psnr.add(gain.drop_null().to_numpy())
        lengths = [coded[f"{side}_payload_length"].cast("float64") for side in _SIDES]
        ratio.add(pc.divide(*lengths).to_numpy())
        candidates = coded.append_column(_APART, pc.negate(pc.abs(gain)))
        apart.offer(candidates.rename_columns({"this_key": "key"}))
    most = apart.rows()
    return ArchiveDiff(
        other_archive=other_archive,
        images=sums["this"].images,
        changed=changed,
        this=sums["this"],
        other=sums["other"],
        psnr_difference_db=psnr,
        bytes_ratio=ratio,
        differing=[] if most is None else [_difference(row) for row in most.to_pylist()],
    )


def differences_parquet(this: Catalogue, other: Catalogue) -> bytes:
    """A row an image that both hold: what it takes and how good it is, here and there; streamed."""
    file = io.BytesIO()
    tables = map(_differences, _joined(this, other))
    first = next(tables)
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        for table in (first, *tables):
            writer.write_table(table)
    return file.getvalue()


def _joined(this: Catalogue, other: Catalogue) -> Iterator[pa.Table]:
    """Rows of both, an empty table first."""
    yield pa.schema(
        [CATALOGUE_SCHEMA.field(name).with_name(f"{side}_{name}") for side in _SIDES for name in _COLUMNS]
    ).empty_table()
    for batch in this.joined_with(other, _COLUMNS):
        yield pa.Table.from_batches([batch])


def _differences(rows: pa.Table) -> pa.Table:
    columns = {"key": rows["this_key"], "same_source": _is_same(rows)}
    columns |= {f"{side}_{name}": rows[f"{side}_{name}"] for name in _FACTS for side in _SIDES}
    columns["psnr_difference_db"] = pc.subtract(rows["this_psnr_db"], rows["other_psnr_db"])
    return pa.table(columns)


def _is_same(rows: pa.Table) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(rows["this_source_sha256"], rows["other_source_sha256"]), False)


def _difference(row: dict[str, Any]) -> Difference:
    return Difference(
        key=row["key"],
        this_psnr_db=row["this_psnr_db"],
        other_psnr_db=row["other_psnr_db"],
        this_bytes=row["this_payload_length"],
        other_bytes=row["other_payload_length"],
    )
