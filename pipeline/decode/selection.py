"""Which images of an archive to decode, and what their files are called."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.rows_by_shard import SHARD_ORDER
from pipeline.decode.deliver import DEFAULT_FORMAT
from pipeline.decode.file_names import safe_path, with_extension
from pipeline.errors import RestoreError, UnknownKeyError
from pipeline.globs import key_matcher
from pipeline.image.write import FORMATS, Format
from pipeline.store.storage import Storage

_COLUMNS: Final = ("key", *SHARD_ORDER, "status", "source_url")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """Images of an archive, in the order in which they lie in its shards."""

    rows: pa.Table
    """`key`, `shard`, `row`, `status` and `source_url`."""
    all_keys: frozenset[str]
    """Of the whole archive: a file must not take the name of another image."""
    fmt: Format | None
    """Of decoded images; None for PNG."""

    def stored(self) -> Selection:
        """Those with a payload."""
        return self._only(pc.not_equal(self.rows["status"], "failed"))

    def without_existing(self, destination: Storage) -> Selection:
        """Those of which there is no file yet."""
        files = {info.path for info in destination.list()}
        is_missing = [
            safe_path(self.name(key)) not in files and not (status == "kept" and safe_path(key) in files)
            for key, status in zip(self.rows["key"].to_pylist(), self.rows["status"].to_pylist(), strict=True)
        ]
        return self._only(pa.array(is_missing, pa.bool_()))

    def check_apart(self, destination: Storage) -> None:
        """See that no original is written over by what was decoded of it, or of another image.

        Raises:
            RestoreError: one would be.
        """
        within = f"{destination.url}/"
        urls = self.rows["source_url"]
        originals = set(urls.filter(pc.starts_with(urls, within)).to_pylist())
        for key in self.rows["key"].to_pylist() if originals else ():
            for name in (key, self.name(key)):
                url = within + safe_path(name)
                if url in originals:
                    raise RestoreError(
                        f"Expected a destination apart from the images that were archived, got {destination.url}: "
                        f"{url} is an original, and decoding would write over it. Choose another folder."
                    )

    def name(self, key: str) -> str:
        """The name of an image's decoded form."""
        return with_extension(key, FORMATS[self.fmt or DEFAULT_FORMAT], self.all_keys.__contains__)

    def _only(self, mask: pa.Array | pa.ChunkedArray) -> Selection:
        return Selection(rows=self.rows.filter(mask), all_keys=self.all_keys, fmt=self.fmt)


def select_images(
    catalogue: Catalogue, *, keys: Collection[str] | None, glob: str | None, fmt: Format | None
) -> Selection:
    """The images that a user asks for, the failed ones included.

    Args:
        keys: only these; every one must be in the archive.
        glob: only keys that match.
        fmt: of decoded images; None for PNG.
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
    return Selection(
        rows=table.sort_by([(name, "ascending") for name in SHARD_ORDER]), all_keys=all_keys, fmt=fmt
    )


def _check_known(keys: Collection[str], all_keys: frozenset[str], url: str) -> None:
    unknown = sorted(set(keys) - all_keys)
    if unknown:
        raise UnknownKeyError(
            f"Expected keys of the archive at {url}, got {len(unknown)} it does not hold, "
            f"such as {', '.join(map(repr, unknown[:3]))}; `tenfold ls` shows what it holds."
        )
