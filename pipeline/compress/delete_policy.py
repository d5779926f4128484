"""What becomes of images that their source no longer lists: kept, or dropped from the catalogue.

    keep               nothing is dropped
    drop               as `fail-if-over 50%`: an empty disk mounted by accident is no reason to forget an archive
    fail-if-over 5%    dropped, unless more than that share of what the archive holds of this source would go

Dropped images are in the older versions still, until those are pruned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.compress.comparison import ListingComparison
from pipeline.errors import ConfigError
from pipeline.source.source import Source

_DROP_MOST = 0.5
_FAIL_IF_OVER = re.compile(r"fail-if-over\s+(\d+(?:\.\d+)?)\s*%")
_ROWS = pa.schema([(name, pa.int64() if name == "row" else pa.string()) for name in ("key", "shard", "row")])


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePolicy:
    """How much may go at once."""

    text: str
    most: float
    """Share of the source's images in the archive; 0 keeps all, 1 lets all go."""

    @property
    def keeps(self) -> bool:
        """Whether nothing is ever dropped."""
        return self.text == "keep"

    def refusal(self, *, gone: int, archived: int) -> str | None:
        """Why images that are gone are not dropped; None when they are.

        Args:
            archived: images that the archive held of the source, the gone ones included.
        """
        if gone <= self.most * archived:
            return None
        return (
            f"Expected at most {_percent(self.most)} of the source's {archived:,} archived images to be gone "
            f"({self.text}), got {gone:,} ({_percent(gone / archived)}): nothing was dropped. Is the source mounted "
            "and whole? If they really went, run once with --deletes 'fail-if-over 100%'."
        )


def parse_policy(text: str) -> DeletePolicy:
    """A policy as a person writes it.

    Raises:
        ConfigError: it is none.
    """
    words = " ".join(text.split())
    if words in ("keep", "drop"):
        return DeletePolicy(text=words, most=0.0 if words == "keep" else _DROP_MOST)
    match = _FAIL_IF_OVER.fullmatch(words)
    if match is None or float(match[1]) > 100:
        raise ConfigError(
            f"Expected keep, drop or a limit such as 'fail-if-over 5%' for deletes, got {text!r}."
        )
    return DeletePolicy(text=words, most=float(match[1]) / 100)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MissingFromSource:
    """Images that the archive holds of a source, and the source no longer lists."""

    rows: pa.Table
    """`key`, `shard`, `row`."""
    archived: int
    """Images that the archive held of the source before, these included."""
    source_bytes: int
    """Of the files that these images were."""


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def missing_from_source(source: Source, compared: ListingComparison) -> MissingFromSource:
    """What a complete listing has not shown, of the images that lie where this source looks.

    Args:
        compared: the last listing of the source, at its end; what it has not shown can be asked for once.
    Raises:
        SourceError: a source that cannot tell.
    """
    covers, until = source.coverage(), source.listed_until
    gone: list[pa.RecordBatch] = []
    archived, source_bytes = compared.shown, 0
    for batch in compared.unseen():
        near = batch.filter(source.may_cover(batch["source_url"]))
        if until is not None:
            near = near.filter(pc.fill_null(pc.less_equal(near["source_mtime"], until), True))
        rows = near.filter(pa.array([covers(url) for url in near["source_url"].to_pylist()], pa.bool_()))
        source_bytes += pc.sum(rows["source_size"]).as_py() or 0
        gone.append(rows.select(_ROWS.names).cast(_ROWS))
        archived += len(rows)
    return MissingFromSource(
        rows=pa.Table.from_batches(gone, _ROWS), archived=archived, source_bytes=source_bytes
    )
