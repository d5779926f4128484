"""The files below a folder or prefix, each with its key, and the tars among them opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.errors import StoreDownError
from pipeline.globs import compile_glob, is_glob
from pipeline.source.found import Found, Twin
from pipeline.source.image_names import extension_of, is_image_name
from pipeline.source.inventory import Inventory
from pipeline.source.keys import are_text, distinct_key, utf8_key
from pipeline.source.listing import images_of
from pipeline.source.notes import ListingNotes, Unlisted
from pipeline.source.tar_files import TarFiles
from pipeline.source.tar_index import Member, TarIndex
from pipeline.source.tar_names import is_tar_name
from pipeline.store.backend import Oddity, Page
from pipeline.store.member_urls import member_url
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, local_url, scheme
from pipeline.types import SourceImage


class Folder:
    """A folder or prefix, or a glob in it."""

    def __init__(
        self,
        storage: Storage,
        glob: str | None,
        *,
        exclude: tuple[str, ...],
        opens_tars: bool,
        inventory: Inventory | None,
    ) -> None:
        """Contact nothing yet.

        Args:
            exclude: paths below the folder that are no part of it, or absolute ones that links may lead to.
            opens_tars: whether a tar is something that holds files, and no file itself.
            inventory: names the files of the folder; without one the store is asked.
        """
        self._storage = storage
        self._is_local = scheme(storage.url) in LOCAL
        self._glob = glob
        self._exclude = exclude
        self._inventory = inventory
        self._pattern = None if glob is None else compile_glob(glob)
        self._any_name = (
            glob is not None and _names_extension(glob) and not (opens_tars and is_tar_name(glob))
        )
        self.seen = 0
        """Objects that the listing has come by."""

    def files(self, notes: ListingNotes) -> Iterator[Found]:
        """Every file that the glob lets through, in the order of their paths or of the inventory.

        Raises:
            StorageError: the store does not answer.
        """
        for page in self._pages(notes):
            self.seen += len(page)
            yield self._found(page if self._pattern is None else page.below(0, self.matches))

    def _pages(self, notes: ListingNotes) -> Iterator[Page]:
        if self._inventory is not None:
            return self._inventory.pages(self._storage.url, self.holds)
        glob = self._glob
        flat = glob is not None and "/" not in glob and glob != "**"
        return self._storage.pages(
            recursive=not flat, exclude=self._exclude, notice=lambda odd: _note(odd, notes)
        )

    def matches(self, path: str) -> bool:
        """Whether the glob lets a path through."""
        return self._pattern is None or self._pattern.fullmatch(path) is not None

    def is_image(self, path: str) -> bool:
        """Whether a path is that of an image: by its name, or because the glob says what is one."""
        return self._any_name or is_image_name(path)

    def holds(self, path: str) -> bool:
        """Whether a path belongs to the folder."""
        return not any(path == out or path.startswith(f"{out}/") for out in self._exclude)

    def _found(self, page: Page) -> Found:
        keys, urls = page.paths, [f"{self._storage.url}/{path}" for path in page.paths]
        if self._is_local:
            top = local_path(self._storage.url).rstrip("/")
            urls = [f"{top}/{path}" for path in page.paths]
            if not are_text(urls):
                keys = [distinct_key(path, self._storage.exists) for path in page.paths]
                urls = [local_url(path) for path in urls]
        return Found(
            keys=keys,
            urls=urls,
            sizes=[*page.sizes],
            etags=page.etags,
            mtimes_us=page.mtimes_us,
            offsets=[None] * len(page),
            lengths=[None] * len(page),
            are_images=[self.is_image(path) for path in page.paths],
            twins={place: self._twin(path) for place, path in page.twins.items()},
        )

    def _twin(self, path: str) -> Twin:
        return Twin(key=utf8_key(path), is_listed=self.matches(path), is_image=self.is_image(path))


def opened_tars(
    files: Iterator[Found], tars: TarFiles, notes: ListingNotes, *, is_left_out: Callable[[str], bool]
) -> Iterator[Found]:
    """The same files, with the members of each tar in its place, under keys that begin with the tar's.

    A tar that holds no file is one like any other.

    Args:
        is_left_out: says of a tar's key that it need not be opened.
    Raises:
        StoreDownError: a tar cannot be read, nor anything else of its store.
    """
    for found in files:
        start = 0
        for place, key in enumerate(found.keys):
            if is_tar_name(key) and not is_left_out(key):
                yield found.at(range(start, place))
                start = place + 1
                twin = found.twins.get(place)
                if twin is not None and twin.is_listed:
                    notes.linked += 1
                else:
                    yield _members_or_file(found.at([place]), tars, notes)
        yield found.at(range(start, len(found)))


def _members_or_file(found: Found, tars: TarFiles, notes: ListingNotes) -> Found:
    (tar,) = images_of(found.batch(""))
    try:
        index = tars.index(tar.url)
    except StoreDownError:
        raise
    except OSError as error:
        notes.unlisted.append(Unlisted(path=tar.key, reason=str(error)))
        return Found()
    if index.damage is not None:
        notes.unlisted.append(Unlisted(path=tar.key, reason=index.damage))
    return members(tar, index, notes, below=f"{tar.key}/") if index.members else found


def members(tar: SourceImage, index: TarIndex, notes: ListingNotes, *, below: str) -> Found:
    """The files of a tar. The tar's version counts as each one's.

    Args:
        below: what their keys begin with.
    """
    notes.replaced += index.replaced
    notes.special += index.special
    notes.dangling += [f"{below}{utf8_key(name)}" for name in index.dangling]
    found = Found()
    for name, member in index.members.items():
        image = _member(tar, member, below + distinct_key(name, index.members.__contains__))
        found.add(image, is_image=is_image_name(name))
    for name, target in index.links.items():
        image = _member(tar, index.members[target], below + distinct_key(name, index.members.__contains__))
        twin = Twin(key=below + utf8_key(target), is_listed=True, is_image=is_image_name(target))
        found.add(image, is_image=is_image_name(name), twin=twin)
    return found


def _member(tar: SourceImage, member: Member, key: str) -> SourceImage:
    return SourceImage(
        key=key,
        url=member_url(member.name, tar.url),
        size=member.size,
        etag=tar.etag,
        mtime=tar.mtime,
        offset=member.offset,
        length=member.length,
    )


def _note(odd: Oddity, notes: ListingNotes) -> None:
    path = utf8_key(odd.path)
    if odd.kind == "closed":
        notes.unlisted.append(Unlisted(path=path, reason=odd.reason))
    elif odd.kind == "dangling":
        notes.dangling.append(path)
    else:
        notes.special += 1


def _names_extension(glob: str) -> bool:
    """Whether a glob ends in an extension that has no wildcard: then the user says what is an image."""
    extension = extension_of(glob)
    return extension != "(none)" and not is_glob(extension)
