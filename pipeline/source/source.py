"""Sources: which images to read, streamed in a fixed order, and their bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.errors import SourceError
from pipeline.globs import compile_glob, is_glob
from pipeline.source.image_names import extension_of, is_image_name
from pipeline.source.lists import ImageList, utf8_key
from pipeline.store.backend import ObjectInfo
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, local_url, scheme, split_url
from pipeline.types import SourceImage

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
            yield from self._listed_images(self._image_list(self.config.list_file).listed())
        elif self.config.manifest is not None:
            yield from self._listed_images(self._image_list(self.config.manifest).manifested())
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
        """A function that says of an image's URL whether `images` would list it, if it were there.

        Raises:
            SourceError: the source is a list or manifest, which does not say what is no longer in it.
        """
        if self.config.list_file is not None or self.config.manifest is not None:
            raise SourceError(
                f"Expected a folder, prefix or glob to follow deletes in, got {self.config.list_file or ''}"
                f"{self.config.manifest or ''}: a list does not say what is no longer in it. Use --deletes keep."
            )
        is_local = scheme(self.config.url) in LOCAL
        base = (local_path(self.config.url) if is_local else self.config.url).rstrip("/") + "/"
        excluded = self._excluded()
        pattern = compile_glob(self.config.glob) if self.config.glob is not None else None

        def covers(url: str) -> bool:
            name = local_path(url) if is_local and scheme(url) in LOCAL else url
            path = name.removeprefix(base)
            if path == name or any(path == out or path.startswith(f"{out}/") for out in excluded):
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

    def _listed_images(self, listed: Iterator[SourceImage]) -> Iterator[SourceImage]:
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
        """The source as one image, if it is one. With `early`, a remote name must look like an image's."""
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
                extension = extension_of(info.path)
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


def _names_extension(glob: str) -> bool:
    """Whether a glob ends in an extension that has no wildcard: then the user says what is an image."""
    extension = extension_of(glob)
    return extension != "(none)" and not is_glob(extension)
