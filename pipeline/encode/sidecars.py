"""What lies beside the images of a run and says how to encode them: one file of a kind for each image.

A file that is missing or broken stops nothing: its image is encoded as usual, and its row says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pipeline.encode.sidecar_files import SidecarFiles
from pipeline.errors import StorageError, StoreDownError
from pipeline.store.options import StorageOptions

MISSING: Final = "missing"
BROKEN: Final = "broken"

_Told = TypeVar("_Told")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sidecar(Generic[_Told]):
    """Of one image."""

    told: _Told | None
    """What it says; None where it says nothing."""
    origin: str | None
    """What the image's row says: a word for the kind, `missing`, or `broken: ` and what is wrong with it; None where
    nothing was asked."""
    version: str | None = None
    """Of the file that was read, understood or not; None where none was, or its store tells no version."""
    sha256: bytes = b""
    """Of the file that was read."""

    @property
    def identity(self) -> Hashable:
        """What equal images must share of it to be stored alike."""
        return self.origin, self.sha256


NOT_ASKED: Final[Sidecar[Any]] = Sidecar(told=None, origin=None)


class Sidecars(Generic[_Told]):
    """Gives the sidecars of one kind of a run. For several threads."""

    def __init__(
        self, template: str, storage: StorageOptions, understand: Callable[[bytes], _Told], *, called: str
    ) -> None:
        """Open nothing yet.

        Args:
            template: where they lie: a path or URL with `{key}` or `{stem}` in it.
            storage: how to reach them.
            understand: what a file says; raises ValueError where it says nothing.
            called: what rows call one that was understood.
        """
        self._files = SidecarFiles(template, storage)
        self._understand, self._called = understand, called

    def of(self, key: str) -> Sidecar[_Told]:
        """That of an image.

        Raises:
            StoreDownError: their store is out of reach.
        """
        name, version = self._files.name_of(key), None
        try:
            # before its bytes: what changes in between is seen by the next run
            version = self._files.version(name)
            data = self._files.read(name)
            told = self._understand(data)
        except FileNotFoundError:
            return Sidecar(told=None, origin=MISSING)
        except StoreDownError:
            raise
        except (StorageError, OSError) as error:
            return Sidecar(told=None, origin=f"{BROKEN}: {name} could not be read: {error}")
        except ValueError as error:
            return Sidecar(told=None, origin=f"{BROKEN}: {name}: {error}", version=version)
        digest = hashlib.sha256(data).digest()
        return Sidecar(told=told, origin=self._called, version=version, sha256=digest)
