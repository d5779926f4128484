"""The measuring of `tenfold bench scale`: archives of one size after the other, and all cases on each."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from jobs.bench.scale_cases import Case, ScaledArchive
from jobs.terminal.output import say
from pipeline.bench.counting_proxy import CountingProxy
from pipeline.bench.listed_bucket import listed_url
from pipeline.bench.metered import WorkCost, WorkFailedError, measure
from pipeline.bench.photographs import Photographs
from pipeline.errors import UsageError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.words import three_digits

_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthCurve:
    """What a case cost, by the rows of the archive."""

    case: Case
    points: dict[int, WorkCost] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    """Why there is no point."""


def measure_scale(
    cases: Sequence[Case], sizes: Sequence[int], *, s3: str | None, on_case: Callable[[], None]
) -> list[GrowthCurve]:
    """Do all cases on an archive of each size, which is made for that and removed.

    Args:
        s3: a URL below which archives are made, of a server that the environment names; None for a local folder.
        on_case: is called after each.
    Raises:
        UsageError: the environment names no server.
    """
    curves = [GrowthCurve(case=case) for case in cases]
    with _on_disk() if s3 is None else _in_bucket(s3) as site:
        for rows in sizes:
            with site.place(rows) as place:
                if s3 is None and any(case.name == "nightly" for case in cases):
                    Photographs(rows).make(Path(place.source))
                for curve in curves:
                    _measure(curve, place, site.proxy)
                    on_case()
    return curves


def _measure(curve: GrowthCurve, place: ScaledArchive, proxy: CountingProxy | None) -> None:
    try:
        cost = measure(partial(curve.case.work, place), proxy=proxy)
    except WorkFailedError as error:
        curve.failed[place.rows] = str(error)
        say(f"{curve.case.title}, {place.rows:,} rows: failed. {error}")
    else:
        curve.points[place.rows] = cost
        say(f"{curve.case.title}, {place.rows:,} rows: {_words(cost)}")


def _words(cost: WorkCost) -> str:
    read, written, peak = (
        three_digits(held / 2**20) for held in (cost.read_bytes, cost.written_bytes, cost.peak_bytes)
    )
    requests = "" if cost.requests is None else f"{three_digits(cost.requests)} requests, "
    return f"{three_digits(cost.cpu_s)} s CPU, {requests}{read} MiB read, {written} written, peak {peak} MiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """Where archives are made."""

    root: str
    proxy: CountingProxy | None
    """None on a disk."""

    @contextmanager
    def place(self, rows: int) -> Iterator[ScaledArchive]:
        """Room for an archive and its source; all in it is removed at the end."""
        below = f"{self.root}/{rows}"
        in_bucket = self.proxy is not None
        source = listed_url(rows) if in_bucket else f"{below}/source"
        try:
            yield ScaledArchive(archive=f"{below}/archive", source=source, rows=rows, has_etags=in_bucket)
        finally:
            if in_bucket:
                storage = Storage(below)
                for info in list(storage.list()):
                    storage.delete(info.path)
            else:
                shutil.rmtree(below, ignore_errors=True)


@contextmanager
def _on_disk() -> Iterator[_Site]:
    with tempfile.TemporaryDirectory(prefix="tenfold-bench-") as folder:
        yield _Site(root=folder, proxy=None)


@contextmanager
def _in_bucket(url: str) -> Iterator[_Site]:
    """Below a name of its own there; what this process and its children ask of S3 meanwhile is counted."""
    server = StorageOptions().resolved().endpoint_url
    if server is None:
        raise UsageError(
            f"Expected a server for --s3 {url} in AWS_ENDPOINT_URL, got none: requests to AWS itself are signed for "
            "its own name, and cannot be counted on the way. Any other S3 server will do."
        )
    proxy = CountingProxy(server)
    with proxy.serving() as here, _environment(dict.fromkeys(_ENDPOINTS, here)):
        yield _Site(root=f"{url.rstrip('/')}/tenfold-bench-{uuid4().hex[:8]}", proxy=proxy)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
