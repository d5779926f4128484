"""Which images of an archive to decode."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.rows_by_shard import SHARD_ORDER
from pipeline.errors import UnknownKeyError
from pipeline.globs import key_matcher
from pipeline.workers.workload import Workload

_COLUMNS: Final = ("key", *SHARD_ORDER, "status", "source_format", "source_sha256", "width", "height")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """Images of an archive, in the order in which they lie in its shards."""

    rows: pa.Table
    """The columns `key`, `shard`, `row`, `status`, `source_format`, `source_sha256`, `width` and `height`."""
    all_keys: frozenset[str]
    """Of the whole archive."""

    def stored(self) -> Selection:
        """Those with a payload."""
        return self.only(pc.not_equal(self.rows["status"], "failed"))

    def workload(self) -> Workload:
        """What it takes to decode them."""
        pixels = pc.sum(pc.multiply(self.rows["width"], self.rows["height"])).as_py() or 0
        return Workload(images=self.rows.num_rows, megapixels=pixels / 1e6)

    def only(self, mask: pa.Array | pa.ChunkedArray) -> Selection:
        """Those for which a mask says so."""
        return Selection(rows=self.rows.filter(mask), all_keys=self.all_keys)


def select_images(catalogue: Catalogue, *, keys: Collection[str] | None, glob: str | None) -> Selection:
    """The images that a user asks for, the failed ones included.

    Args:
        keys: only these; every one must be in the archive.
        glob: only keys that match.
    Raises:
        UnknownKeyError: a key that is not there, or a glob that nothing matches.
        ConfigError: the glob cannot be one.
    """
    table = catalogue.table(_COLUMNS)
    all_keys = frozenset(table["key"].to_pylist())
    if keys is not None:
        _check_known(keys, all_keys, catalogue.url)
        table = table.filter(pc.is_in(table["key"], pa.array(sorted(keys), table["key"].type)))
    if glob is not None:
        matches = key_matcher(glob)
        table = table.filter(pa.array([matches(key) for key in table["key"].to_pylist()], pa.bool_()))
        if not table.num_rows:
            raise UnknownKeyError(
                f"Expected keys that match {glob!r} in the archive at {catalogue.url}, got none of {len(all_keys)}; "
                "beside a `/`, `*` stays inside one folder and `**` spans folders; `tenfold ls` shows what it holds."
            )
    return Selection(rows=table.sort_by([(name, "ascending") for name in SHARD_ORDER]), all_keys=all_keys)


def _check_known(keys: Collection[str], all_keys: frozenset[str], url: str) -> None:
    unknown = sorted(set(keys) - all_keys)
    if unknown:
        raise UnknownKeyError(
            f"Expected keys of the archive at {url}, got {len(unknown)} it does not hold, "
            f"such as {', '.join(map(repr, unknown[:3]))}; `tenfold ls` shows what it holds."
        )
