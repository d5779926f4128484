"""Sources: which images to read, streamed in a fixed order, and their bytes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, model_validator

from pipeline.errors import SourceError
from pipeline.source.each_key_once import each_key_once
from pipeline.source.folder import Folder, members, opened_tars
from pipeline.source.found import Found, found_images
from pipeline.source.image_names import is_image_name
from pipeline.source.inventory import Inventory
from pipeline.source.keys import utf8_key
from pipeline.source.listing import images_of
from pipeline.source.lists import ImageList
from pipeline.source.notes import ListingNotes, Unlisted
from pipeline.source.options import SourceOptions
from pipeline.source.taking import HEAD_BYTES, Taking
from pipeline.source.tar_files import TarFiles
from pipeline.source.tar_index import Member
from pipeline.source.tar_names import is_tar_name
from pipeline.store.member_urls import split_member_url
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, scheme, split_url
from pipeline.types import SourceImage
from pipeline.words import counted


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
    take: SourceOptions = SourceOptions()

    @model_validator(mode="after")
    def _one_kind(self) -> SourceConfig:
        names = ("glob", "list_file", "manifest", "archived")
        kinds = [name for name in names if getattr(self, name) is not None]
        if len(kinds) > 1:
            raise ValueError(f"expected one of {', '.join(names)} at most, got {kinds}")
        return self


class Source:
    """The images of one source. Can be pickled; `read` may be called from many threads."""

    takes_unchanged: ClassVar[bool] = False
    """Whether an image is encoded even if the archive knows this version of it."""
    config: SourceConfig
    notes: ListingNotes
    """What the last listing has found so far beside its images."""

    def __init__(self, config: SourceConfig) -> None:
        self.config = config
        self.notes = ListingNotes()
        self._taking = Taking(config.take)
        self._roots: dict[str, Storage] = {}
        self._tars = TarFiles(config.storage, self._root)
        named = config.take.inventory
        self._inventory = None if named is None else Inventory(named, config.storage)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every image once, in batches of LISTING: a listing in the order of its keys, a list or tar in its own.

        Raises:
            SourceError: the source is missing, empty or badly formed; before the first image is given out.
            StorageError: the store does not answer, at any time.
        """
        self.notes = notes = ListingNotes()
        left = self.config.take.limit
        for batch in self._taken(notes):
            if left is not None and len(batch) > left:
                notes.limited = True
                if left:
                    yield batch.slice(0, left)
                return
            left = None if left is None else left - len(batch)
            yield batch

    def images(self) -> Iterator[SourceImage]:
        """The images of `batches` one by one."""
        for batch in self.batches():
            yield from images_of(batch)

    def read(self, image: SourceImage) -> bytes:
        """The bytes of one image.

        Raises:
            FileNotFoundError: it is no longer there.
            StorageError: it cannot be read; StoreDownError when nothing of its store can.
        """
        inside = split_member_url(image.url)
        if inside is None:
            root, path = split_url(image.url)
            return self._root(root).read(path)
        name, tar = inside
        return self._tars.read(tar, name, _member_of(image, name), image.url)

    def as_now(self, image: SourceImage) -> SourceImage:
        """The same image with the size, ETag and time that its file has now, as a listing would give them.

        Raises:
            FileNotFoundError, StorageError: nothing can be known of it.
        """
        inside = split_member_url(image.url)
        root, path = split_url(image.url if inside is None else inside[1])
        info = self._root(root).info(path)
        size = info.size if inside is None else image.size
        return replace(image, size=size, etag=info.etag, mtime=info.mtime, offset=None, length=None)

    def coverage(self) -> Callable[[str], bool]:
        """A function that says of an image's URL whether the last listing would have shown it, if it were there.

        Raises:
            SourceError: the source is a list or manifest, or limited: that does not say what is no longer in it.
        """
        if self.config.list_file is not None or self.config.manifest is not None:
            raise SourceError(
                f"Expected a folder, prefix or glob to follow deletes in, got {self.config.list_file or ''}"
                f"{self.config.manifest or ''}: a list does not say what is no longer in it. Use --deletes keep, "
                "or name the folder as SRC and a table of all that lies below it with --inventory."
            )
        if self.config.take.limit is not None:
            raise SourceError(
                f"Expected a whole source to follow deletes in, got the first {self.config.take.limit:,} images of "
                f"{self.config.url}: they do not say what is no longer in it. Use --deletes keep, or no --limit."
            )
        folder, unseen = self._folder(), self.notes.unseen

        def covers(url: str) -> bool:
            inside = split_member_url(url)
            path = self._below(url if inside is None else inside[1])
            if path is None or not folder.holds(path):
                return False
            name = path if inside is None else "/".join(filter(None, (path, inside[0])))
            key = utf8_key(name)
            if any(place in ("", key) or key.startswith(f"{place}/") for place in unseen):
                return False
            if inside is None:
                return folder.matches(path) and self._taking.may_take(key, is_image=folder.is_image(path))
            is_listed = path == "" or (
                self._opens_tars and folder.matches(path) and not self._taking.excludes(path)
            )
            return is_listed and self._taking.may_take(key, is_image=is_image_name(name))

        return covers

    @property
    def listed_until(self) -> datetime | None:
        """The last listing was read from an inventory and shows nothing that came later. None: it shows all."""
        return None if self._inventory is None else self._inventory.until

    def may_cover(self, urls: pa.Array) -> pa.Array:
        """Whether each URL may be one that `coverage` knows: a look at its beginning, for millions of them."""
        base = self.config.url
        beginnings = (local_path(base), "file:", "tar:") if scheme(base) in LOCAL else (base, "tar:")
        return reduce(pc.or_, (pc.starts_with(urls, pattern=beginning) for beginning in beginnings))

    def __reduce__(self) -> tuple[type[Source], tuple[SourceConfig]]:
        return type(self), (self.config,)

    def _root(self, root: str) -> Storage:
        """One Storage, so one set of connections, for everything in one bucket."""
        storage = self._roots.get(root)
        if storage is None:
            storage = self._roots.setdefault(root, Storage(root, self.config.storage))
        return storage

    @property
    def _opens_tars(self) -> bool:
        """Whether the tars of a listing are opened."""
        if self.config.take.tars is not None:
            return self.config.take.tars
        return self.config.glob is not None and is_tar_name(self.config.glob)

    def _taken(self, notes: ListingNotes) -> Iterator[pa.RecordBatch]:
        skipped: Counter[str] = Counter()
        folder = self._folder()
        empty = True
        for batch in self._taking.taken(self._files(folder, notes), self._read_head, notes, skipped):
            empty = False
            yield batch
        if empty:
            raise self._nothing_found(folder.seen, notes, skipped)

    def _files(self, folder: Folder, notes: ListingNotes) -> Iterator[Found]:
        """What there is to take from, with the tars that are to be opened opened."""
        if self.config.list_file is not None:
            files = self._listed(self._image_list(self.config.list_file).listed())
        elif self.config.manifest is not None:
            files = self._listed(self._image_list(self.config.manifest).manifested())
        else:
            files = self._one_or_below(folder, notes)
        if self._opens_tars:
            files = opened_tars(files, self._tars, notes, is_left_out=self._taking.excludes)
        if self._opens_tars or self._inventory is not None:
            files = each_key_once(files, self.config.take.inventory or self.config.url)
        return files

    def _one_or_below(self, folder: Folder, notes: ListingNotes) -> Iterator[Found]:
        single = self._single(early=True)
        if single is None:
            Storage(self.config.url, self.config.storage).check_readable()
            yield from folder.files(notes)
            single = self._single(early=False) if folder.seen == 0 else None
        if single is not None and is_tar_name(single.key) and self.config.take.tars is not False:
            index = self._tars.index(single.url)
            if index.damage is not None:
                notes.unlisted.append(Unlisted(path="", reason=index.damage))
            yield members(single, index, notes, below="")
        elif single is not None:
            yield from found_images([single])

    def _folder(self) -> Folder:
        storage = Storage(self.config.url, self.config.storage)
        return Folder(
            storage,
            self.config.glob,
            exclude=self._excluded(),
            opens_tars=self._opens_tars,
            inventory=self._inventory,
        )

    def _below(self, url: str) -> str | None:
        """Path of an object below the source; '' for the source itself, None for what lies elsewhere."""
        base = self.config.url
        if scheme(base) in LOCAL:
            if scheme(url) not in LOCAL:
                return None
            base, url = local_path(base), local_path(url)
        if url == base:
            return ""
        base = base.rstrip("/") + "/"
        return url[len(base) :] if url.startswith(base) else None

    def _read_head(self, image: SourceImage) -> bytes:
        inside = split_member_url(image.url)
        member = None if inside is None else _member_of(image, inside[0])
        if inside is not None and member is not None:
            return self._tars.head(inside[1], member, HEAD_BYTES)
        root, path = split_url(image.url)
        return self._root(root).read_range(path, 0, min(HEAD_BYTES, image.size or 0))

    def _image_list(self, url: str) -> ImageList:
        return ImageList(url=url, base=self.config.url, options=self.config.storage)

    def _listed(self, listed: Iterator[SourceImage]) -> Iterator[Found]:
        empty = True
        for found in found_images(map(self._with_local_facts, listed)):
            empty = False
            yield found
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
        return replace(image, size=info.size, etag=image.etag or info.etag, mtime=image.mtime or info.mtime)

    def _single(self, *, early: bool) -> SourceImage | None:
        """The source as one image, if it is one. With `early`, a remote name must look like an image's."""
        url = self.config.url
        root, path = split_url(url)
        is_local = scheme(url) in LOCAL
        if self.config.glob is not None or not path:
            return None
        if not is_local and early and not (is_image_name(path) or is_tar_name(path)):
            return None
        try:
            info = self._root(root).info(path)
        except FileNotFoundError:
            return None
        key = utf8_key(path.rpartition("/")[2])
        return SourceImage(key=key, url=url, size=info.size, etag=info.etag, mtime=info.mtime)

    def _excluded(self) -> tuple[str, ...]:
        """Where the archive lies below the source, by its path as given and by where that leads; and that itself."""
        inside = self.config.exclude and self._below(self.config.exclude)
        found = {inside} if inside else set()
        if self.config.exclude and scheme(self.config.url) in LOCAL and scheme(self.config.exclude) in LOCAL:
            folder = os.path.realpath(local_path(self.config.url)).rstrip("/") + "/"
            archive = os.path.realpath(local_path(self.config.exclude))
            found.add(archive)  # links may lead there
            if archive.startswith(folder):
                found.add(archive[len(folder) :])
        return tuple(sorted(found))

    def _nothing_found(self, seen: int, notes: ListingNotes, skipped: Counter[str]) -> SourceError:
        url, glob = self.config.url, self.config.glob
        where = url if glob is None else f"{url.rstrip('/')}/{glob}"
        if notes.unlisted:
            place = notes.unlisted[0]
            got = f"none that could be listed: {place.path or url}: {place.reason}"
            do = "mend that"
        elif notes.filtered:
            got = f"{counted(notes.filtered, 'file')} that --include and --exclude leave out"
            do = "check their globs: one without a `/` is matched against the whole key, as '*.jpg' is"
        elif seen == 0:
            got = "no object at all"
            do = "check the path"
        elif not skipped:
            got = f"no match among {counted(seen, 'object')}"
            do = "check the pattern: `*` stays inside one folder, `**` spans folders, `[[]` is a bracket"
        else:
            kinds = ", ".join(f"{name} ({count})" for name, count in skipped.most_common(5))
            got = f"{counted(sum(skipped.values()), 'object')}, none of them named like an image: {kinds}"
            do = (
                "check the path, name the files in a glob (`photos/*.dat`) or a list (`@list.txt`), or let --sniff "
                "look into them"
            )
        return SourceError(f"Expected images, got {got} at {where}; {do}.")


def _member_of(image: SourceImage, name: str) -> Member | None:
    """Where a member of a tar lies, if the listing that gave it said so."""
    if image.offset is None or image.length is None:
        return None
    return Member(name=name, size=image.size or 0, offset=image.offset, length=image.length)
