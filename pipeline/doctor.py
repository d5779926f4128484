"""Whether a store and this machine can be trusted with an archive, found out by doing what a run does.

Everything is tried in a folder of its own below the URL, which is removed again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Literal

import numpy as np
import pyarrow as pa

from codec.contract import EncodeOptions
from codec.cpus import usable_cpus
from codec.metrics import psnr_db
from codec.registry import load_codec
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.schema import CATALOGUE_SCHEMA, columns_of
from pipeline.config import CompressConfig
from pipeline.errors import NoArchiveError, TenfoldError, UnsafeStoreError
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, scheme
from pipeline.types import CatalogueRow
from pipeline.words import counted

_RACERS = 6
_ROUNDS = 8
_COMMITTERS = 3
_PROBE_BYTES = 4 << 20
_MOST_SKEW_S = 60.0
"""S3 refuses requests whose clock is a quarter of an hour off; history is wrong long before."""
_WORST_DB = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried."""

    name: str
    status: Literal["ok", "warn", "fail", "unsafe"]
    """warn: works, but look at it; unsafe: the store would let two writers overwrite each other."""
    words: str
    seconds: float


class _DoubtfulError(Exception):
    """It works, but someone should look at it."""


def examine(url: str, config: CompressConfig) -> Iterator[Check]:
    """Try one thing after another. When the store cannot be written, what needs that is left out."""
    store = Storage(url, config.storage)
    probe = Storage(f"{store.url}/.tenfold-doctor-{secrets.token_hex(6)}", config.storage)
    yield _tried("archive", lambda: _archive(store))
    writes = _tried("read and write", lambda: _reads_and_writes(probe))
    yield writes
    if writes.status != "fail":
        try:
            yield _tried("create-only writes", lambda: _creates_once(probe))
            yield _tried("live race", lambda: _race(probe))
            yield _tried("catalogue commits", lambda: _commits(probe))
            yield _tried("clock", lambda: _clock(probe))
        finally:
            deleted = _tried("delete", lambda: _remove(probe))
        yield deleted
    yield _tried("ray", lambda: _ray(config))
    yield _tried("device", _device)
    yield _tried("codec", lambda: _codec(config))


def _tried(name: str, work: Callable[[], str]) -> Check:
    began = time.monotonic()
    status: Literal["ok", "warn", "fail", "unsafe"] = "ok"
    try:
        words = work()
    except UnsafeStoreError as error:
        status, words = "unsafe", str(error)
    except _DoubtfulError as doubt:
        status, words = "warn", str(doubt)
    except (TenfoldError, OSError, ValueError) as error:
        status, words = "fail", str(error)
    return Check(name=name, status=status, words=words, seconds=round(time.monotonic() - began, 3))


def _archive(store: Storage) -> str:
    catalogue = Catalogue(store)
    try:
        return f"an archive of {counted(catalogue.count(), 'image')}, version {catalogue.version()}"
    except NoArchiveError:
        return "none there yet"


def _reads_and_writes(probe: Storage) -> str:
    data = os.urandom(_PROBE_BYTES)
    began = time.monotonic()
    probe.write("data", data)
    written = time.monotonic()
    if probe.read("data") != data:
        raise ValueError("Expected the bytes that were written, got others: do not trust this store.")
    read = time.monotonic()
    middle = len(data) // 2
    if probe.read_range("data", middle, 1000) != data[middle : middle + 1000]:
        raise ValueError("Expected a range of what was written, got other bytes: do not trust this store.")
    ranged = time.monotonic()
    if probe.size("data") != len(data) or [info.path for info in probe.list()] != ["data"]:
        raise ValueError("Expected one object of the size written in the listing, got another listing.")
    rates = (len(data) / 1e6 / max(1e-6, seconds) for seconds in (written - began, read - written))
    return "writes {:.0f} MB/s, reads {:.0f} MB/s, a range in {:.1f} ms".format(*rates, 1e3 * (ranged - read))


def _creates_once(probe: Storage) -> str:
    first, second = (probe.create("once", text) for text in (b"first", b"second"))
    if not first or second or probe.read("once") != b"first":
        raise _unsafe(probe, "two successful create-only writes of one name")
    return "the second writer of a name is refused"


def _race(probe: Storage) -> str:
    """Several clients create one name at the same moment, again and again."""
    racers = [Storage(probe.url, probe.options) for _ in range(_RACERS)]
    together = Barrier(_RACERS)

    def run(number: int, name: str) -> bool:
        together.wait(timeout=60)
        return racers[number].create(name, f"racer {number}".encode())

    with ThreadPoolExecutor(_RACERS) as pool:
        for lap in range(_ROUNDS):
            name = f"race/{lap}"
            won = list(pool.map(run, range(_RACERS), [name] * _RACERS))
            if sum(won) != 1 or probe.read(name) != f"racer {won.index(True)}".encode():
                raise _unsafe(probe, f"{sum(won)} winners of one name in a race of {_RACERS}")
    return f"{_ROUNDS} races of {_RACERS} writers, one winner each"


def _commits(probe: Storage) -> str:
    """Several committers at once, as two drivers would be."""
    archive = Storage(f"{probe.url}/archive", probe.options)
    Catalogue(archive).create()

    def commit(number: int) -> int:
        columns = columns_of([_row(f"key-{number}")], CATALOGUE_SCHEMA)
        rows = pa.table(columns, schema=CATALOGUE_SCHEMA)
        return Catalogue(Storage(archive.url, archive.options)).commit(rows, run="doctor")

    with ThreadPoolExecutor(_COMMITTERS) as pool:
        added = sum(pool.map(commit, range(_COMMITTERS)))
    held = Catalogue(archive).count()
    if added != _COMMITTERS or held != _COMMITTERS:
        raise _unsafe(probe, f"{held} of {_COMMITTERS} rows that were committed at once")
    return f"{_COMMITTERS} at once, all of them kept"


def _clock(probe: Storage) -> str:
    began = datetime.now(UTC)
    probe.write("now", b"now")
    stamp = probe.info("now").mtime
    if stamp is None:
        raise _DoubtfulError(
            "the store tells no time of its objects: sources in it are compared by size and etag alone"
        )
    skew = (stamp - began).total_seconds()
    if abs(skew) > _MOST_SKEW_S:
        side = "behind" if skew > 0 else "ahead of"
        raise _DoubtfulError(f"this machine's clock is {abs(skew):.0f} s {side} the store's: set it")
    return f"within {max(1.0, abs(skew)):.0f} s of the store's"


def _remove(probe: Storage) -> str:
    paths = [info.path for info in probe.list()]
    for path in paths:
        probe.delete(path)
    left = sum(1 for _ in probe.list())
    if left:
        raise _DoubtfulError(
            f"{left} of {len(paths)} objects are still listed below {probe.url}: remove them"
        )
    if scheme(probe.url) in LOCAL:  # a folder's own folders stay when the last file goes
        folder = Path(local_path(probe.url))
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()  # made for this, if it is empty
    return f"{len(paths)} probes removed"


def _ray(config: CompressConfig) -> str:
    address = config.workers.cluster
    if address is None:
        return f"no cluster named (--ray-address, RAY_ADDRESS): runs start Ray here, on {usable_cpus()} cores"
    from pipeline.workers.ray_session import cluster_words  # only who has a cluster needs to wait for Ray

    return f"{address}: {cluster_words(config.workers)}"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())}
        return f"{torch.cuda.device_count()} GPU: {', '.join(sorted(names))}"
    return f"no GPU here: the codec runs on the CPU, {usable_cpus()} cores"


def _codec(config: CompressConfig) -> str:
    """Encode and decode a picture on the device that a worker would take."""
    codec = load_codec(config.codec.id)
    side = 512
    ramp = np.linspace(0.0, 255.0, side)
    rings = 127.5 + 127.5 * np.sin((ramp[:, None] ** 2 + ramp[None] ** 2) / 3000.0)
    picture = np.stack([np.broadcast_to(ramp, (side, side)), rings, rings.T[::-1]], 2).astype(np.uint8)
    asked = EncodeOptions(quality=codec.default_quality)
    (warm,) = codec.encode([picture], asked)  # what is slow once only
    codec.decode([warm.payload])
    began = time.monotonic()
    (encoded,) = codec.encode([picture], asked)
    coded = time.monotonic()
    (decoded,) = codec.decode([encoded.payload])
    ended = time.monotonic()
    found = psnr_db(picture, decoded.pixels)
    if decoded.symbols_crc32 != encoded.symbols_crc32 or found < _WORST_DB:
        raise ValueError(
            f"Expected {codec.id} to give a picture back, got {found:.1f} dB PSNR: do not use this machine; please "
            "report its processor and the version of torch."
        )
    megapixels = side * side / 1e6
    return (
        f"{codec.id} gives a picture back at {found:.1f} dB, {megapixels / (coded - began):.1f} MP/s encoding, "
        f"{megapixels / (ended - coded):.1f} MP/s decoding"
    )


def _unsafe(probe: Storage, got: str) -> UnsafeStoreError:
    return UnsafeStoreError(
        f"Expected a store where one of many writers of a name wins, got {got} at {probe.url}: two runs could "
        "overwrite each other's work here. Use a store with conditional writes (If-None-Match)."
    )


def _row(key: str) -> CatalogueRow:
    absent = dict.fromkeys(CatalogueRow.__slots__)
    facts = {
        "key": key,
        "source_url": "doctor",
        "status": "failed",
        "run": "doctor",
        "shard": "none",
        "row": 0,
    }
    return CatalogueRow(**{**absent, **facts, "encoded_at": datetime.now(UTC)})  # type: ignore[arg-type]
