"""A folder of this machine whose files are kept in the archive, so that another machine can go on with them."""

from __future__ import annotations

from pathlib import Path

from pipeline.store.storage import Storage


class StoredFolder:
    """Copies what is new or changed, when it is told to. Files are small, or few."""

    def __init__(self, archive: Storage, prefix: str, local: Path) -> None:
        """Copy nothing yet."""
        self._archive = archive
        self._prefix = prefix
        self._local = local
        self._kept: dict[str, tuple[int, int]] = {}
        """Name -> length and time of change of what the archive has."""

    def fetch(self) -> None:
        """Copy all that the archive has.

        Raises:
            StorageError: it does not answer.
        """
        for info in self._archive.list(self._prefix):
            name = info.path.removeprefix(f"{self._prefix}/")
            path = self._local / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._archive.read(info.path))
            self._kept[name] = _state(path)

    def keep(self) -> None:
        """Copy what is new or changed into the archive; files whose writing is under way are left out.

        Raises:
            StorageError: it does not answer.
        """
        for path in sorted(self._local.rglob("*")):
            name = path.relative_to(self._local).as_posix()
            if not path.is_file() or path.name.startswith("."):
                continue
            if self._kept.get(name) != (state := _state(path)):
                self._archive.write(f"{self._prefix}/{name}", path.read_bytes())
                self._kept[name] = state


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
