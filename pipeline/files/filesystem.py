"""`tenfold://` for fsspec: an archive read as if it were a folder of pictures.

fsspec.open("tenfold://holiday/beach.jpg::s3://bucket/archive")
fsspec.filesystem("tenfold", fo="s3://bucket/archive")
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NoReturn

from fsspec import available_protocols
from fsspec.spec import AbstractFileSystem

from codec.contract import FAITHFUL
from pipeline.archive.versions import AsOf, parse_as_of
from pipeline.decode.view_size import Size
from pipeline.errors import ConfigError
from pipeline.files.archive_file import ArchiveFile
from pipeline.files.archive_files import shared_files
from pipeline.files.contents import Found
from pipeline.files.file_entry import FileEntry
from pipeline.files.place import OF_FSSPEC, archive_url, storage_options
from pipeline.files.tree import FolderEntry


class ArchiveFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec is not typed
    """The images of one archive as files, to be read; paths are their keys.

    A coded or lossless image comes as a PNG, whatever its key ends in; a kept one as its original file. Failed images
    are not listed. What was committed when it was first looked at is there; `invalidate_cache` looks again.
    """

    protocol = "tenfold"

    def __init__(
        self,
        fo: str = "",
        *,
        target_protocol: str | None = None,
        target_options: Mapping[str, Any] | None = None,
        as_of: AsOf | str | None = None,
        size: Size | None = None,
        decoder: str = FAITHFUL,
        device: str = "auto",
        **options: Any,
    ) -> None:
        """Contact nothing yet.

        Args:
            fo: where the archive lies: a URL, or a path of `target_protocol`.
            target_protocol: of the store, where `fo` does not say it.
            target_options: how to reach the store, as s3fs or `StorageOptions` have it; no credentials.
            as_of: the archive as it was: a version's number, or a time.
            size: that pictures are at most to have: the longer side, or (width, height). Kept files stay as they are.
            decoder: what shows coded images (`tenfold codecs` lists them). A picture that shows more than was stored
                says so in its XMP, and what else XMP held does not come along.
            device: `auto`, `cpu`, `cuda`, ...: where codecs are loaded.
            options: of every filesystem, as `skip_instance_cache`; or of other protocols, which are left to them.
        Raises:
            ConfigError: no archive is named, or there is no such option.
            CodecConfigError: there is no such decoder.
        """
        unknown = [name for name in options if name not in (*OF_FSSPEC, *available_protocols())]
        if unknown:
            raise ConfigError(
                f"Expected options of as_of, size, decoder and device for tenfold://, got {', '.join(unknown)}. Those "
                "of the store behind it go by its protocol, as in fsspec.open(URL, s3={...}), or into target_options."
            )
        super().__init__(**options)
        url = archive_url(fo, target_protocol)
        self.files = shared_files(
            url,
            storage_options(target_options or {}, url=url),
            as_of=parse_as_of(as_of) if isinstance(as_of, str) else as_of,
            size=tuple(size) if isinstance(size, list) else size,
            decoder=decoder,
            device=device,
        )

    def invalidate_cache(self, path: str | None = None) -> None:
        """See what has been committed since, below every path."""
        self.files.refresh()
        super().invalidate_cache(path)

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        """What is known of a file or folder; the size is exact, though the picture is not decoded.

        Raises:
            FileNotFoundError: there is none.
        """
        path = self._strip_protocol(path)
        try:
            return _fsspec_info(self.files.file(path))
        except FileNotFoundError:
            if not self.files.is_folder(path):
                raise
        return _fsspec_info(FolderEntry(path=path))

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        """What lies in a folder; of a file, the file.

        Raises:
            FileNotFoundError: there is neither.
        """
        if kwargs.get("refresh"):
            self.invalidate_cache()
        path = self._strip_protocol(path)
        found = list(self._below(path, depth=1, bare=not detail))
        if not found and not self.files.is_folder(path):
            found = [_fsspec_info(self.files.file(path))]
        return found if detail else [one["name"] for one in found]

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        bare: bool = False,
        **kwargs: Any,
    ) -> Any:
        """The files below a folder, or the file itself: names, or with `detail` name -> info.

        Args:
            bare: infos are to tell names and types alone, which is much less work.
        """
        path = self._strip_protocol(path)
        found: dict[str, dict[str, Any]] = {}
        for one in self._below(path, depth=maxdepth, bare=bare or not detail):
            if withdirs or one["type"] == "file":
                found.setdefault(one["name"], one)  # a file comes before the folder of its name
        if (withdirs and path and self.isdir(path)) or (not found and self.isfile(path)):
            found[path] = self.info(path)
        names = sorted(found)
        return {name: found[name] for name in names} if detail else names

    def glob(self, path: str, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Keys that match; a key that is there as it is written is meant, whatever signs it holds."""
        if self.isfile(path):
            name = self._strip_protocol(path)
            return {name: self.info(name)} if kwargs.get("detail") else [name]
        return super().glob(path, maxdepth=maxdepth, bare=not kwargs.get("detail"), **kwargs)

    def du(self, path: str, total: bool = True, maxdepth: int | None = None, **kwargs: Any) -> Any:
        """Bytes of the files below a path; of each by its name, where not `total`."""
        sizes = {name: one["size"] for name, one in self.find(path, maxdepth, detail=True, **kwargs).items()}
        return sum(sizes.values()) if total else sizes

    def modified(self, path: str) -> datetime:
        """When the image was encoded."""
        return self.files.file(self._strip_protocol(path)).encoded_at

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """The bytes of one file, or some of them, counted as slices do."""
        return self.files.content(self._strip_protocol(path))[start:end]

    def cat(self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """The bytes of one file; of several, path -> bytes, neighbours fetched together and decoded in batches."""
        paths = self.expand_path(path, recursive=recursive)
        if isinstance(path, str) and paths == [self._strip_protocol(path)]:
            return self.cat_file(paths[0], **kwargs)
        found = self.files.contents([one for one in paths if not recursive or self.isfile(one)])
        part = slice(kwargs.get("start"), kwargs.get("end"))
        return {
            key: one if isinstance(one, Exception) else one[part] for key, one in _as_asked(found, on_error)
        }

    def cat_ranges(
        self,
        paths: list[str],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[bytes | Exception]:
        """Some bytes of several files, each of which is made once."""
        bounds = [one if isinstance(one, list) else [one] * len(paths) for one in (starts, ends)]
        asked: dict[str, list[tuple[int, slice]]] = defaultdict(list)
        for number, (path, start, end) in enumerate(zip(paths, *bounds, strict=True)):
            asked[self._strip_protocol(path)].append((number, slice(start, end)))
        parts: dict[int, bytes | Exception] = {}
        for key, found in _as_asked(self.files.contents(asked), on_error):
            for number, part in asked[key]:
                parts[number] = found if isinstance(found, Exception) else found[part]
        return [parts[number] for number in sorted(parts)]

    def _below(self, path: str, *, depth: int | None, bare: bool) -> Iterator[dict[str, Any]]:
        if bare:
            names = self.files.names(path, depth=depth)
            return (
                {"name": one, "type": "file"} if isinstance(one, str) else _fsspec_info(one) for one in names
            )
        return map(_fsspec_info, self.files.below(path, depth=depth))

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> ArchiveFile:
        if mode != "rb":
            self._refuse()
        return ArchiveFile(self, path, mode, **kwargs)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse to write.

        Raises:
            UnsupportedOperation: always.
        """
        raise io.UnsupportedOperation(
            f"Expected to read, for an archive is not written as a folder is, got a change of {self.files.url}. "
            "`tenfold compress SRC ARCHIVE` puts images into it, `tenfold rm` takes them out."
        )

    mkdir = makedirs = rmdir = rm = rm_file = _rm = cp_file = mv = touch = pipe_file = put_file = _refuse


def _fsspec_info(found: FileEntry | FolderEntry) -> dict[str, Any]:
    if isinstance(found, FolderEntry):
        return {"name": found.path, "size": 0, "type": "directory"}
    return {
        "name": found.key,
        "size": found.size,
        "type": "file",
        "format": found.fmt,
        "status": found.status,
        "etag": found.etag,
        "mtime": found.encoded_at,
    }


def _as_asked(found: Iterable[Found], on_error: str) -> Iterator[Found]:
    """What is found, as the caller wants to hear of errors: `raise`, `return` or `omit`."""
    for key, one in found:
        if isinstance(one, Exception) and on_error == "raise":
            raise one
        if isinstance(one, bytes) or on_error == "return":
            yield key, one
