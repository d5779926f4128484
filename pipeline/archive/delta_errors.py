"""Errors of deltalake and Arrow as ours: one line that says what to do, without secrets and backtraces."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from pipeline.archive.traces import has_shards
from pipeline.errors import (
    ArchiveError,
    DamagedError,
    LostCatalogueError,
    NoArchiveError,
    StorageError,
    TenfoldError,
)
from pipeline.store.failures import redact
from pipeline.store.storage import Storage

_LONGEST_MESSAGE = 400
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_BACKTRACE = re.compile(r"\s+0: (<unknown>|\S+::).*", re.DOTALL)
_REQUEST = re.compile(r"Error performing .*? - ")
_FORKED = "Forked process detected"
_XML = re.compile(r"<\?xml.*?<Code>(.*?)</Code>.*?<Message>(.*?)</Message>.*", re.DOTALL)
_STORE_FAILED = re.compile(
    r"Generic (S3|GCS|MicrosoftAzure|LocalFileSystem)|Object ?Store error|Error performing|os error|privileges"
)


@contextmanager
def translated(
    storage: Storage, folder: str, secrets: Sequence[str], *, where: str | None = None
) -> Iterator[None]:
    """Turn their exceptions into ours; a lost race for a commit (`CommitFailedError`) passes through.

    Args:
        storage: root of the archive.
        folder: of the catalogue, in it.
        secrets: what no message may show.
        where: the user's own condition, if one is being run.
    """
    try:
        yield
    except (TenfoldError, CommitFailedError):
        raise
    except TableNotFoundError:
        raise _no_table(storage, folder) from None
    except BaseException as error:
        if not isinstance(error, (DeltaError, OSError, pa.ArrowException)) and not _is_panic(error):
            raise
        message = _one_line(error, secrets)
        if _FORKED in message:
            raise ArchiveError(
                f"Expected the catalogue at {storage.url}/{folder} to be read by the process that opened it first, got "
                "one that was forked of it. Open the archive after the fork alone, or start processes by `spawn` or "
                "`forkserver`."
            ) from None
        if where is not None and not _STORE_FAILED.search(message):
            raise ArchiveError(
                f"Expected an SQL condition on the catalogue's columns, got {where!r}: {message}"
            ) from None
        if _STORE_FAILED.search(message):
            storage.check_readable()  # our own client's error is clearer when the store is down
            raise StorageError(
                f"Expected to read and write the catalogue at {storage.url}/{folder}, got: {message}. "
                "Check the URL, the credentials and that the store is up."
            ) from None
        raise DamagedError(
            f"Expected a sound catalogue at {storage.url}/{folder}, got: {message}. Run `tenfold repair {storage.url}`."
        ) from None


def _is_panic(error: BaseException) -> bool:
    """Whether Rust has panicked: its exception is no `Exception`, and its class cannot be imported."""
    return type(error).__name__ == "PanicException"


def _one_line(error: BaseException, secrets: Sequence[str]) -> str:
    text = _XML.sub(r"\1: \2", _BACKTRACE.sub("", _ANSI.sub("", str(error))))
    text = re.sub(r"[\s↳]+", " ", text).strip()
    for secret in secrets:
        text = text.replace(secret, "***")
    return redact(_REQUEST.sub("", text))[:_LONGEST_MESSAGE].rstrip(".")


def _no_table(storage: Storage, folder: str) -> NoArchiveError:
    expected = f"Expected a Tenfold archive (a folder with {folder}/_delta_log) at {storage.url}, got"
    if has_shards(storage):
        return LostCatalogueError(
            f"{expected} shards whose catalogue is lost; `tenfold repair {storage.url}` makes it anew from them."
        )
    found = [info.path for info in itertools.islice(storage.list(), 3)]
    if found:
        return NoArchiveError(
            f"{expected} other files ({', '.join(found)}, ...); name the folder that `tenfold compress SRC ARCHIVE` "
            "was given as ARCHIVE."
        )
    return NoArchiveError(
        f"{expected} an empty folder or none; create one with `tenfold compress SRC {storage.url}`."
    )
