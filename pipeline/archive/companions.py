"""Companions: what is made after a shard and lies beside it, a Parquet file of the shard's name in another folder.

A shard never changes, so what is made later lies apart. No row refers to a companion and no image needs it: one that is
lost or damaged is made again, and each goes when its shard goes. Its footer says of which kind and shard it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from pipeline.errors import DamagedError, NewerFormatError, StorageError, UnreadableError
from pipeline.store.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionKind:
    """One kind of companion, as its files and its errors say it."""

    name: str
    """Such as `album`."""
    mark: str
    """What the footer calls the format's version, such as `tenfold.album`."""
    version: int
    """Of the format that this release writes."""
    verb: str
    """The command that makes them."""
    path_of: Callable[[str], str]
    """From the path of a shard to that of its companion."""

    def footer(self, shard: str) -> dict[str, str]:
        """What every such file says of itself."""
        return {self.mark: str(self.version), "shard": shard}

    def read(self, archive: Storage, shard: str) -> pa.BufferReader | None:
        """The file of a shard; None where it has none.

        Raises:
            StorageError: the store does not answer.
        """
        try:
            return pa.BufferReader(archive.read(self.path_of(shard)))
        except FileNotFoundError:
            return None
        except UnreadableError as error:
            raise self.damaged(shard, str(error)) from error

    def check(self, footer: Mapping[bytes, bytes] | None, shard: str) -> None:
        """Hold what a file says of itself against what is expected.

        Raises:
            NewerFormatError: it was written by a release that is too new.
            DamagedError: it is that of another shard.
        """
        said = footer or {}
        version = said.get(self.mark.encode(), b"").decode()
        if version.isdecimal() and int(version) > self.version:
            raise NewerFormatError(
                f"Expected {self.name} of format {self.version} or older, got format {version} at "
                f"{self.path_of(shard)}. Install a newer Tenfold to read it."
            )
        if said.get(b"shard") != shard.encode():
            raise self.damaged(shard, "that of another shard")

    @contextmanager
    def parsing(self, shard: str) -> Iterator[None]:
        """Whatever a parser makes of bytes that are not those that were written is damage.

        Raises:
            DamagedError: the parser failed.
            StorageError: the store does not answer.
        """
        try:
            yield
        except UnreadableError as error:
            raise self.damaged(shard, str(error)) from error
        except StorageError:
            raise
        except (pa.ArrowException, AttributeError, ValueError, TypeError, KeyError, OSError) as error:
            raise self.damaged(shard, str(error)) from error

    def damaged(self, shard: str, got: str) -> DamagedError:
        """What to raise where a file is not as it was written."""
        return DamagedError(
            f"Expected the {self.name} of {shard} as it was written, got {got}. No image is affected: `tenfold "
            f"{self.verb}` makes it again."
        )
