"""Sources: which images to read, streamed in a fixed order, and their bytes.

What SRC on the command line means:

- `photos/`, `s3://bucket/photos`: every image below a folder or prefix. Only names with a known image
  extension are taken, in any case; the others are counted. Links are followed; `._*` files of macOS are no
  images.
- `photos/a.jpg`, `s3://bucket/a.jpg`: that one image, whatever its extension when it is a local file.
- `photos/**/*.jpg`, `s3://bucket/p/*.png`: a glob, in quotes so that the shell leaves it alone. `*`, `?` and
  `[...]` stay inside one folder, `**` spans folders. A glob that ends in an extension takes all it matches,
  any other (`photos/2024*/**`) only what has an image extension. A local file or folder of exactly that name
  comes first; in URLs write `[[]` for a bracket.
- `@list`, `list.txt`, `list.lst`: a list file, one path or URL a line. Relative paths start at the folder of
  the list. Empty lines and lines starting with `#` are left out; spaces belong to the name.
- `manifest.parquet`: a table with a column `url` and, where known, `key`, `size`, `etag`, `mtime`.

An image's key in the archive is its path below the folder or prefix; for a glob below the part without
wildcards; for a list the line as written if it is relative, else the path or URL without its scheme. Keys are
kept as they are, spaces, `..` and a leading `/` included. Bytes of a local name that are no text become %XX.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.errors import SourceError
from pipeline.globs import compile_glob, is_glob, split_glob
from pipeline.source.lists import ImageList, utf8_key
from pipeline.store.backend import ObjectInfo
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, local_url, normal, scheme, split_url
from pipeline.types import SourceImage

_DECODED_OR_KEPT = (
    "jpg jpeg jpe jfif mpo png apng webp avif avifs tif tiff bmp dib gif jp2 j2k jpf jpx jpm jpc j2c ico icns "
    "cur ppm pgm pbm pnm pam pfm tga psd psb pcx sgi xbm xpm qoi dds fits"
)
_NOT_READ_YET = (
    "heic heif hif jxl jxr wdp hdp svg svgz exr hdr dcm "
    "dng cr2 cr3 crw nef nrw arw srf sr2 orf rw2 raf pef srw x3f 3fr iiq erf mrw mef mos rwl kdc dcr gpr"
)
"""Listed all the same, so that they become visible failed rows and are not lost in silence."""

IMAGE_EXTENSIONS = frozenset(f"{_DECODED_OR_KEPT} {_NOT_READ_YET}".split())
"""Lower case, without the dot."""

_LIST_EXTENSIONS = ("txt", "lst")
_MOST_EXTENSIONS = 1000


class SourceConfig(BaseModel):
    """One source, as a run records it and a worker opens it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    """Folder, prefix or single image; for a glob, list or manifest the folder its names start from."""
    glob: str | None = None
    list_file: str | None = None
    manifest: str | None = None
    archived: Literal["failed", "lost"] | None = None
    """`url` is an archive's: its images that failed, or that were lost (pipeline/compress/archived_images.py)."""
    exclude: str | None = None
    """URL of an archive that may lie inside the source: nothing in it is an image of the source."""
    storage: StorageOptions = StorageOptions()

    @model_validator(mode="after")
    def _one_kind(self) -> SourceConfig:
        names = ("glob", "list_file", "manifest", "archived")
        kinds = [name for name in names if getattr(self, name) is not None]
        if len(kinds) > 1:
            raise ValueError(f"expected one of {', '.join(names)} at most, got {kinds}")
        return self


class Source:
    """The images of one source. Can be pickled; `read` may be called from many threads."""

    takes_known: ClassVar[bool] = False
    """Whether an image is encoded even if the archive knows this version of it."""
    config: SourceConfig
    skipped: int
    """Objects that `images` has passed over so far because their names have no image extension."""

    def __init__(self, config: SourceConfig) -> None:
        self.config = config
        self.skipped = 0
        self._roots: dict[str, Storage] = {}

    def images(self) -> Iterator[SourceImage]:
        """Every image once, streamed; a listing in the order of its keys, a list in its own.

        Raises:
            SourceError: the source is missing, empty or badly formed; before the first image is given out.
            StorageError: the store does not answer or a folder cannot be listed, at any time.
        """
        self.skipped = 0
        if self.config.list_file is not None:
            yield from self._some(self._image_list(self.config.list_file).listed())
        elif self.config.manifest is not None:
            yield from self._some(self._image_list(self.config.manifest).manifested())
        else:
            single = self._single(early=True)
            if single is not None:
                yield single
            else:
                yield from self._below()

    def read(self, image: SourceImage) -> bytes:
        """The bytes of one image.

        Raises:
            FileNotFoundError: it is no longer there.
            StorageError: it cannot be read; StoreDownError when nothing of its store can.
        """
        root, path = split_url(image.url)
        return self._root(root).read(path)

    def coverage(self) -> Callable[[str], bool]:
        """Tells of an image's URL whether `images` would list it if it were there: if it does not, it is gone.

        Raises:
            SourceError: a list or manifest does not tell what is no longer in it.
        """
        if self.config.list_file is not None or self.config.manifest is not None:
            raise SourceError(
                f"Expected a folder, prefix or glob to follow deletes in, got {self.config.list_file or ''}"
                f"{self.config.manifest or ''}: a list does not tell what is no longer in it. Use --deletes keep."
            )
        is_local = scheme(self.config.url) in LOCAL
        base = (local_path(self.config.url) if is_local else self.config.url).rstrip("/") + "/"
        hidden = self._excluded()
        pattern = compile_glob(self.config.glob) if self.config.glob is not None else None

        def covers(url: str) -> bool:
            name = local_path(url) if is_local and scheme(url) in LOCAL else url
            path = name.removeprefix(base)
            if path == name or any(path == out or path.startswith(f"{out}/") for out in hidden):
                return False
            return pattern is None or pattern.fullmatch(path) is not None

        return covers

    def __reduce__(self) -> tuple[type[Source], tuple[SourceConfig]]:
        return type(self), (self.config,)

    def _root(self, root: str) -> Storage:
        """One Storage, so one set of connections, for everything in one bucket."""
        storage = self._roots.get(root)
        if storage is None:
            storage = self._roots.setdefault(root, Storage(root, self.config.storage))
        return storage

    def _image_list(self, url: str) -> ImageList:
        return ImageList(url=url, base=self.config.url, options=self.config.storage)

    def _some(self, listed: Iterator[SourceImage]) -> Iterator[SourceImage]:
        empty = True
        for image in listed:
            empty = False
            yield self._with_local_facts(image)
        if empty:
            raise SourceError(
                f"Expected at least one image in {self.config.list_file or self.config.manifest}, got none; "
                "a list holds one path or URL a line, a manifest one row an image."
            )

    def _with_local_facts(self, image: SourceImage) -> SourceImage:
        """Size and time of a local file that a list names, so that a later run sees changes.

        Remote ones stay bare: a request for each would double the time of a run.
        """
        if scheme(image.url) not in LOCAL or image.size is not None:
            return image
        root, path = split_url(image.url)
        try:
            info = self._root(root).info(path)
        except OSError:  # reading it will fail and say why, as a row
            return image
        return replace(image, size=info.size, mtime=image.mtime or info.mtime)

    def _single(self, *, early: bool) -> SourceImage | None:
        """The source as one image, if it is one. Asked early, a remote name must look like an image's."""
        url = self.config.url
        root, path = split_url(url)
        is_local = scheme(url) in LOCAL
        if self.config.glob is not None or not path:
            return None
        if not is_local and early and not is_image_name(path):
            return None
        try:
            info = self._root(root).info(path)
        except FileNotFoundError:
            return None
        key = utf8_key(path.rpartition("/")[2])
        return SourceImage(key=key, url=url, size=info.size, etag=info.etag, mtime=info.mtime)

    def _below(self) -> Iterator[SourceImage]:
        storage = Storage(self.config.url, self.config.storage)
        storage.check_readable()
        glob = self.config.glob
        pattern = compile_glob(glob) if glob is not None else None
        any_name = glob is not None and _names_extension(glob)
        flat = glob is not None and "/" not in glob and glob != "**"
        seen = 0
        empty = True
        others: Counter[str] = Counter()
        for info in storage.list(recursive=not flat, exclude=self._excluded()):
            seen += 1
            if pattern is not None and not pattern.fullmatch(info.path):
                continue
            if not any_name and not is_image_name(info.path):
                self.skipped += 1
                extension = _extension(info.path)
                if extension in others or len(others) < _MOST_EXTENSIONS:
                    others[extension] += 1
                continue
            empty = False
            yield self._image(storage, info)
        if empty:
            single = self._single(early=False)
            if single is None:
                raise self._nothing_found(seen, others)
            yield single

    def _image(self, storage: Storage, info: ObjectInfo) -> SourceImage:
        key = utf8_key(info.path)
        if scheme(storage.url) not in LOCAL:
            url = f"{storage.url}/{info.path}"
        else:
            url = local_url(f"{local_path(storage.url).rstrip('/')}/{info.path}")
            if key != info.path and storage.exists(key):
                raise SourceError(
                    f"Expected names that stay different as text, got two files for key {key!r} in "
                    f"{storage.url}; rename the one whose name is not UTF-8."
                )
        return SourceImage(key=key, url=url, size=info.size, etag=info.etag, mtime=info.mtime)

    def _excluded(self) -> tuple[str, ...]:
        base = self.config.url.rstrip("/") + "/"
        inside = self.config.exclude is not None and self.config.exclude.startswith(base)
        return (self.config.exclude[len(base) :],) if inside and self.config.exclude else ()

    def _nothing_found(self, seen: int, others: Counter[str]) -> SourceError:
        url, glob = self.config.url, self.config.glob
        where = url if glob is None else f"{url.rstrip('/')}/{glob}"
        if seen == 0:
            got = "no object at all"
            do = "check the path"
        elif not others:
            got = f"no match among {seen} objects"
            do = "check the pattern: `*` stays inside one folder, `**` spans folders, `[[]` is a bracket"
        else:
            kinds = ", ".join(f"{name} ({count})" for name, count in others.most_common(5))
            got = f"{sum(others.values())} objects, none of them named like an image: {kinds}"
            do = "check the path, or name the files in a glob (`photos/*.dat`) or a list (`@list.txt`)"
        return SourceError(f"Expected images, got {got} at {where}; {do}.")


def parse_source(
    text: str,
    options: StorageOptions = StorageOptions(),  # noqa: B008 frozen
    *,
    exclude: str | None = None,
) -> Source:
    """Understand SRC as the head of this file says. Looks at local names, contacts no store.

    Args:
        text: SRC as typed.
        exclude: URL or path of the archive, which may lie inside the source.
    Raises:
        SourceError: nothing was given.
        StorageError: a URL that cannot be one, or that holds credentials.
    """
    if not text.strip() or text == "@":
        raise SourceError("Expected a folder, URL, glob, list or manifest as SRC, got nothing; name one.")
    is_local = scheme(text) in LOCAL
    hidden = normal(exclude) if exclude else None

    def source(url: str, **kind: str) -> Source:
        return Source(SourceConfig(url=url, exclude=hidden, storage=options.resolved(), **kind))

    if text.startswith("@"):
        return source(_folder_of(normal(text[1:])), list_file=normal(text[1:]))
    if is_local and Path(local_path(text)).is_dir():
        return source(normal(text))
    extension = _extension(text).removeprefix(".")
    if not text.endswith("/") and not (is_glob(text) and not _is_local_file(text)):
        if extension == "parquet":
            return source(_folder_of(normal(text)), manifest=normal(text))
        if extension in _LIST_EXTENSIONS:
            return source(_folder_of(normal(text)), list_file=normal(text))
    if is_glob(text) and not _is_local_file(text):
        folder, glob = split_glob(text)
        try:
            compile_glob(glob)
        except ValueError as error:
            raise SourceError(f"Expected a glob as SRC, got {text!r}: {error}; correct it.") from error
        return source(normal(folder or "."), glob=glob)
    return source(normal(text))


def is_image_name(path: str) -> bool:
    """Whether a name has an image's extension and is no macOS companion file."""
    name = path.rpartition("/")[2]
    return _extension(name).removeprefix(".") in IMAGE_EXTENSIONS and not name.startswith("._")


def _extension(path: str) -> str:
    """`.jpg` of `a/b.JPG`; `(none)` without one."""
    stem, dot, extension = path.rpartition("/")[2].rpartition(".")
    return f".{extension.lower()}" if dot and stem and extension else "(none)"


def _names_extension(glob: str) -> bool:
    """Whether a glob ends in an extension that has no wildcard: then the user says what is an image."""
    extension = _extension(glob)
    return extension != "(none)" and not is_glob(extension)


def _is_local_file(text: str) -> bool:
    return scheme(text) in LOCAL and Path(local_path(text)).is_file()


def _folder_of(url: str) -> str:
    root, path = split_url(url)
    folder = path.rpartition("/")[0]
    if scheme(url) in LOCAL:
        return local_url(f"/{folder}")
    return f"{root}/{folder}" if folder else root
