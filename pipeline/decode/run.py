"""The decode run: archive in, image files out, on the same pool of workers as encoding."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.versions import AsOf
from pipeline.config import CompressConfig
from pipeline.decode.deliver import DEFAULT_FORMAT
from pipeline.decode.file_names import safe_path, with_extension
from pipeline.decode.worker import DecodeResult, DecoderSpec, DecodeTask, Wanted
from pipeline.errors import RestoreError, UnknownKeyError
from pipeline.image.write import FORMATS, Format
from pipeline.progress import (
    Follower,
    ImagesFinished,
    ImagesListed,
    Listener,
    ListingEnded,
    RunBegan,
    RunEnded,
    ignore,
    together,
)
from pipeline.store.storage import Storage
from pipeline.totals import Totals
from pipeline.workers.pool import Died
from pipeline.workers.retry import halves, work_through
from pipeline.workers.start import working_pool

_ROWS_PER_TASK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSummary:
    """What `tenfold decode --json` prints."""

    images: int
    written: int
    existing: int
    """Left out, because a file of their name was there and was to stay."""
    failed: int
    without_payload: int
    """Selected images that failed when the archive was made: there is nothing to decode."""
    written_bytes: int
    seconds: float
    megapixels_per_second: float
    failures: list[dict[str, str]]


class DecodeRun:
    """One decode of (some of) an archive into a folder or bucket. Use once."""

    def __init__(
        self,
        archive: Storage,
        destination: Storage,
        config: CompressConfig,
        *,
        fmt: Format | None = None,
        keys: Collection[str] | None = None,
        glob: str | None = None,
        as_of: AsOf | None = None,
        skip_existing: bool = False,
    ) -> None:
        """Contact nothing yet.

        Args:
            fmt: format of decoded images; None for PNG, and kept images as they were.
            keys: only these; every one must be in the archive.
            glob: only keys that match, `*` crossing slashes.
            as_of: the archive as it was then.
            skip_existing: leave out images whose file is there; files appear whole, so a killed run goes on.
        """
        self._archive = archive
        self._skip_existing = skip_existing
        self._destination = destination
        self._config = config
        self._fmt: Format | None = fmt
        self._keys = keys
        self._glob = glob
        self._as_of = as_of
        self._follower = Follower()
        self._listen: Listener = self._follower
        self._failures: list[dict[str, str]] = []
        self._written = self._written_bytes = 0

    def run(self, listen: Listener = ignore) -> DecodeSummary:
        """Do it.

        Raises:
            NoArchiveError, UnknownKeyError, StorageError, RestoreError: before any work where it can be known then.
        """
        self._listen = together(self._follower, listen)
        self._listen(RunBegan(verb="decode", done="decoded"))
        selected = self._select()
        stored = selected.filter(pc.not_equal(selected["status"], "failed"))
        self._check_apart(stored)
        self._destination.check_writable()
        wanted = stored.num_rows
        if self._skip_existing:
            stored = self._without_existing(stored)
        self._listen(ImagesListed(images=stored.num_rows))
        self._listen(ListingEnded())
        if stored.num_rows:
            self._work(self._tasks(stored))
        self._listen(RunEnded())
        progress = self._follower.progress
        return DecodeSummary(
            images=selected.num_rows,
            written=self._written,
            failed=len(self._failures),
            existing=wanted - stored.num_rows,
            without_payload=selected.num_rows - wanted,
            written_bytes=self._written_bytes,
            seconds=round(progress.seconds(), 3),
            megapixels_per_second=round(progress.megapixels_per_second(), 3),
            failures=self._failures,
        )

    def _select(self) -> pa.Table:
        columns = ["key", "shard", "row", "status", "source_url"]
        table = Catalogue(self._archive, as_of=self._as_of).table(columns)
        self._all_keys = set(table["key"].to_pylist())
        if self._keys is not None:
            self._check_keys()
            table = table.filter(pc.is_in(table["key"], pa.array(sorted(self._keys), table["key"].type)))
        if self._glob is not None:
            matches = [fnmatchcase(key, self._glob) for key in table["key"].to_pylist()]
            table = table.filter(pa.array(matches, pa.bool_()))
            if not table.num_rows:
                raise UnknownKeyError(
                    f"Expected keys that match {self._glob!r} in the archive at {self._archive.url}, got none "
                    f"of {len(self._all_keys)}; `tenfold ls` shows what it holds."
                )
        return table.sort_by([("shard", "ascending"), ("row", "ascending")])

    def _check_keys(self) -> None:
        unknown = sorted(set(self._keys or ()) - self._all_keys)
        if unknown:
            raise UnknownKeyError(
                f"Expected keys of the archive at {self._archive.url}, got {len(unknown)} it does not hold, "
                f"such as {', '.join(map(repr, unknown[:3]))}; `tenfold ls` shows what it holds."
            )

    def _check_apart(self, rows: pa.Table) -> None:
        """No original may be written over by what was decoded of it, or of another image."""
        within = f"{self._destination.url}/"
        originals = set(rows["source_url"].filter(pc.starts_with(rows["source_url"], within)).to_pylist())
        for key in rows["key"].to_pylist() if originals else ():
            for name in (key, self._name(key)):
                url = within + safe_path(name)
                if url in originals:
                    raise RestoreError(
                        f"Expected a destination apart from the images that were archived, got "
                        f"{self._destination.url}: {url} is an original, and decoding would write over it. Choose "
                        "another folder."
                    )

    def _without_existing(self, rows: pa.Table) -> pa.Table:
        there = {info.path for info in self._destination.list()}
        is_missing = [
            safe_path(self._name(key)) not in there and not (status == "kept" and safe_path(key) in there)
            for key, status in zip(rows["key"].to_pylist(), rows["status"].to_pylist(), strict=True)
        ]
        return rows.filter(pa.array(is_missing, pa.bool_()))

    def _tasks(self, rows: pa.Table) -> Iterator[DecodeTask]:
        columns = (rows[name].to_pylist() for name in ("shard", "row", "key"))
        for shard, group in itertools.groupby(zip(*columns, strict=True), key=lambda row: row[0]):
            members = [Wanted(row=row, key=key, name=self._name(key)) for _, row, key in group]
            for start in range(0, len(members), _ROWS_PER_TASK):
                yield DecodeTask(shard=shard, images=tuple(members[start : start + _ROWS_PER_TASK]))

    def _name(self, key: str) -> str:
        return with_extension(key, FORMATS[self._fmt or DEFAULT_FORMAT], self._all_keys.__contains__)

    def _work(self, tasks: Iterator[DecodeTask]) -> None:
        spec = DecoderSpec(
            archive_url=self._archive.url,
            destination_url=self._destination.url,
            fmt=self._fmt,
            config=self._config,
        )
        with working_pool(spec, self._config.workers, self._listen) as pool:
            for outcome in work_through(pool, tasks, _split, listen=self._listen):
                if isinstance(outcome, Died):
                    reason = f"its worker died each time it was tried alone: {outcome.reason}"
                    self._fail(outcome.task.images[0].key, reason)
                elif outcome is not None:
                    self._take(outcome.result)

    def _take(self, result: DecodeResult) -> None:
        self._written += result.written
        self._written_bytes += result.written_bytes
        for key, reason in result.failed:
            self._fail(key, reason)
        self._listen(ImagesFinished(images=result.written, totals=Totals(pixels=result.pixels)))

    def _fail(self, key: str, reason: str) -> None:
        self._failures.append({"key": key, "reason": reason})
        self._listen(ImagesFinished(images=1, totals=Totals(failed=1)))


def _split(task: DecodeTask) -> list[DecodeTask]:
    return [replace(task, images=half) for half in halves(task.images)]
