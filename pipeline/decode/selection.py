"""Which images of an archive to decode."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.key_ranges import KeyRanges
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.errors import UnknownKeyError
from pipeline.globs import key_matcher
from pipeline.workers.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """Images of an archive, in no particular order."""

    rows: pa.Table
    """CATALOGUE_SCHEMA."""
    is_whole: bool
    """Whether all images of the archive were asked for."""

    def stored(self) -> Selection:
        """Those with a payload."""
        stored = self.rows.filter(pc.not_equal(self.rows["status"], "failed"))
        return Selection(rows=stored, is_whole=self.is_whole)

    def workload(self) -> Workload:
        """What it takes to decode them."""
        pixels = pc.sum(pc.multiply(self.rows["width"], self.rows["height"])).as_py() or 0
        return Workload(images=self.rows.num_rows, megapixels=pixels / 1e6)


def select_images(catalogue: Catalogue, *, keys: Collection[str] | None, glob: str | None) -> Selection:
    """The images that a user asks for, the failed ones included: few of many cost what few cost.

    Args:
        keys: only these; every one must be in the archive.
        glob: only keys that match.
    Raises:
        UnknownKeyError: a key that is not there, or a glob that nothing matches.
        ConfigError: the glob cannot be one.
    """
    found = catalogue.scan(glob=glob) if keys is None else catalogue.of_keys(KeyRanges.of_keys(keys))
    rows = pa.Table.from_batches(found, CATALOGUE_SCHEMA)
    if keys is not None:
        _check_known(keys, rows, catalogue.url)
        if glob is not None:
            matches = key_matcher(glob)
            rows = rows.filter(pa.array([matches(key) for key in rows["key"].to_pylist()], pa.bool_()))
    if glob is not None and not rows.num_rows:
        among = len(set(keys)) if keys is not None else catalogue.count()
        raise UnknownKeyError(
            f"Expected keys that match {glob!r} in the archive at {catalogue.url}, got none of {among}; "
            "beside a `/`, `*` stays inside one folder and `**` spans folders; `tenfold ls` shows what it holds."
        )
    return Selection(rows=rows, is_whole=keys is None and glob is None)


def _check_known(keys: Collection[str], rows: pa.Table, url: str) -> None:
    unknown = sorted(set(keys).difference(rows["key"].to_pylist()))
    if unknown:
        raise UnknownKeyError(
            f"Expected keys of the archive at {url}, got {len(unknown)} it does not hold, "
            f"such as {', '.join(map(repr, unknown[:3]))}; `tenfold ls` shows what it holds."
        )
