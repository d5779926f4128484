"""What SRC on the command line means.

- `photos/`, `s3://bucket/photos`: every image below a folder or prefix. Only names with a known image
  extension are taken, in any case; the others are counted. `._*` files of macOS are no images. Links are followed,
  and each file is taken once: under its own path where that lies in the source, else under the first link to it.
- `photos/a.jpg`, `s3://bucket/a.jpg`: that one image, whatever its extension when it is a local file.
- `photos/**/*.jpg`, `s3://bucket/p/*.png`: a glob, in quotes so that the shell leaves it alone. `*`, `?` and
  `[...]` stay inside one folder, `**` spans folders. A glob that ends in an extension takes all it matches,
  any other (`photos/2024*/**`) only what has an image extension. A local file or folder of exactly that name
  comes first; in URLs write `[[]` for a bracket.
- `photos.tar`, `shards/*.tar`, also `.tar.gz`, `.tgz`, `.tar.zst` ...: the files in the tar. A folder's tars are opened
  only on request (`SourceOptions.tars`).
- `@list`, `list.txt`, `list.lst`: a list file, one path or URL a line. Relative paths start at the folder of
  the list. Empty lines and lines starting with `#` are left out; spaces belong to the name.
- `manifest.parquet`: a table with a column `url` and, where known, `key`, `size`, `etag`, `mtime`.

An image's key in the archive is its path below the folder or prefix; for a glob below the part without
wildcards; for a list the line as written if it is relative, else the path or URL without its scheme; in a tar the name
there, behind the key of the tar where SRC may hold several. Keys are kept as they are, spaces, `..` and a leading `/`
included. Bytes of a local name that are no text become %XX.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Final

from pipeline.errors import SourceError
from pipeline.globs import compile_glob, is_glob, split_glob
from pipeline.source.image_names import extension_of
from pipeline.source.options import SourceOptions
from pipeline.source.source import Source, SourceConfig
from pipeline.store.options import StorageOptions
from pipeline.store.urls import LOCAL, local_path, local_url, normal, scheme, split_url

_LIST_EXTENSIONS: Final = ("txt", "lst")


def parse_source(
    text: str,
    options: StorageOptions = StorageOptions(),  # noqa: B008 frozen
    *,
    take: SourceOptions = SourceOptions(),  # noqa: B008 frozen
    exclude: str | None = None,
) -> Source:
    """Understand SRC as the head of this file says. Looks at local names, contacts no store.

    Args:
        text: SRC as typed.
        take: which of its files are taken.
        exclude: URL or path of the archive, which may lie inside the source.
    Raises:
        SourceError: nothing was given, or the archive is the folder whose images are to be taken.
        StorageError: a URL that cannot be one, or that holds credentials.
    """
    if not text.strip() or text == "@":
        raise SourceError("Expected a folder, URL, glob, list or manifest as SRC, got nothing; name one.")
    is_local = scheme(text) in LOCAL
    excluded = normal(exclude) if exclude else None
    config = partial(SourceConfig, exclude=excluded, storage=options.resolved(), take=take)
    if text.startswith("@"):
        _check_no_inventory(text, take)
        return Source(config(url=_folder_of(normal(text[1:])), list_file=normal(text[1:])))
    if is_local and Path(local_path(text)).is_dir():
        return Source(config(url=_apart(normal(text), excluded)))
    extension = extension_of(text).removeprefix(".")
    if not text.endswith("/") and not (is_glob(text) and not _is_local_file(text)):
        if extension in ("parquet", *_LIST_EXTENSIONS):
            _check_no_inventory(text, take)
        if extension == "parquet":
            return Source(config(url=_folder_of(normal(text)), manifest=normal(text)))
        if extension in _LIST_EXTENSIONS:
            return Source(config(url=_folder_of(normal(text)), list_file=normal(text)))
    if is_glob(text) and not _is_local_file(text):
        folder, glob = split_glob(text)
        try:
            compile_glob(glob)
        except ValueError as error:
            raise SourceError(f"Expected a glob as SRC, got {text!r}: {error}; correct it.") from error
        return Source(config(url=_apart(normal(folder or "."), excluded), glob=glob))
    return Source(config(url=_apart(normal(text), excluded)))


def _check_no_inventory(text: str, take: SourceOptions) -> None:
    if take.inventory is not None:
        raise SourceError(
            f"Expected a folder, prefix or glob as SRC beside an inventory, got {text}, which names images itself; "
            "leave --inventory out, or name the folder that it is of."
        )


def _apart(folder: str, archive: str | None) -> str:
    """The folder, which is not the archive itself: an archive's files could not be told from those of the source."""
    if archive is not None and _place(folder) == _place(archive):
        raise SourceError(
            f"Expected an archive in a folder of its own, got {archive} for the source and the archive; name another "
            f"place, which may lie inside the source: {archive}/archive."
        )
    return folder


def _place(url: str) -> str:
    return os.path.realpath(local_path(url)) if scheme(url) in LOCAL else url


def _is_local_file(text: str) -> bool:
    return scheme(text) in LOCAL and Path(local_path(text)).is_file()


def _folder_of(url: str) -> str:
    root, path = split_url(url)
    folder = path.rpartition("/")[0]
    if scheme(url) in LOCAL:
        return local_url(f"/{folder}")
    return f"{root}/{folder}" if folder else root
