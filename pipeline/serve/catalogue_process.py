"""The catalogue, read by a process that ends when it has: what Delta's libraries hold goes with it, and no request
waits while a million rows are put in order."""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection

from pipeline.archive.versions import AsOf
from pipeline.errors import ArchiveError, TenfoldError
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadVersion:
    """One version of a catalogue."""

    table_id: str
    version: int
    edition: str
    """As `Catalogue.edition`."""
    rows: bytes | None
    """What `from_bytes` of pipeline/archive/index_file.py takes; None where they lie in an index file."""


def read_version(archive: Storage, as_of: AsOf | None) -> ReadVersion:
    """The newest version, or an older one; its index file is made where that pays and there is none.

    Raises:
        NoArchiveError: nothing there is an archive.
        ArchiveError, StorageError: it cannot be read.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(
        target=_tell_parent, args=(there, archive, as_of), name="tenfold catalogue", daemon=True
    )
    process.start()
    there.close()
    try:
        with here:
            read: ReadVersion | TenfoldError = here.recv()
    except (EOFError, OSError) as error:
        process.join()
        raise ArchiveError(
            f"Expected the catalogue of {archive.url} to be read, got a process that ended with status "
            f"{process.exitcode} instead; what it wrote to stderr says more."
        ) from error
    process.join()
    if isinstance(read, TenfoldError):
        raise read
    return read


def version_of(archive: Storage, as_of: AsOf | None) -> ReadVersion:
    """The same, read by this process.

    Raises:
        As `read_version`.
    """
    from pipeline.archive.catalogue import Catalogue  # Delta's libraries: what the server is to be spared
    from pipeline.archive.key_index import rows_for_another

    catalogue = Catalogue(archive, as_of=as_of)
    return ReadVersion(
        table_id=catalogue.table_id(),
        version=catalogue.version(),
        edition=catalogue.edition(),
        rows=rows_for_another(catalogue),
    )


def _tell_parent(parent: Connection, archive: Storage, as_of: AsOf | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal; the parent ends this one
    try:
        parent.send(version_of(archive, as_of))
    except TenfoldError as error:
        parent.send(error)
