"""Which of the files found are taken, and as what: images by name or by content, others, or nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Final

from pipeline.errors import StoreDownError
from pipeline.globs import key_matcher
from pipeline.image.formats.sniff import sniff
from pipeline.source.found import Found
from pipeline.source.image_names import extension_of
from pipeline.source.notes import ListingNotes
from pipeline.source.options import SourceOptions
from pipeline.store.shared_threads import shared_threads
from pipeline.types import Prior, SourceImage

HEAD_BYTES: Final = 4096
"""What is read of a file to see whether it is an image."""
NO_IMAGE: Final = "not an image: stored as it is"
_LOOKS: Final = 16
"""Files that are looked into at once."""
_MOST_EXTENSIONS: Final = 1000


class Taking:
    """The choice that `SourceOptions` describe."""

    def __init__(self, options: SourceOptions) -> None:
        """Compile its globs."""
        self._options = options
        self._include = [key_matcher(glob) for glob in options.include]
        self._exclude = [key_matcher(glob) for glob in options.exclude]

    def allows(self, key: str) -> bool:
        """Whether --include and --exclude let a key through."""
        included = not self._include or any(matches(key) for matches in self._include)
        return included and not self.excludes(key)

    def excludes(self, key: str) -> bool:
        """Whether --exclude names a key."""
        return any(matches(key) for matches in self._exclude)

    def may_take(self, key: str, *, is_image: bool) -> bool:
        """Whether a file would be taken, as far as its name can tell."""
        return self.allows(key) and (is_image or self._options.sniff or self._options.others == "keep")

    def taken(
        self,
        files: Iterator[Found],
        read_head: Callable[[SourceImage], bytes],
        notes: ListingNotes,
        skipped: Counter[str],
    ) -> Iterator[SourceImage]:
        """The files that are taken, in their order.

        Args:
            read_head: gives the first HEAD_BYTES of a file.
            notes: are kept.
            skipped: counts the extensions of those that are left out because they are no images.
        Raises:
            StoreDownError: a file could not be looked into, nor could any other.
        """
        for file, is_image in self._seen(self._once(files, notes), read_head):
            if is_image:
                yield file
            elif self._options.others == "keep":
                notes.others += 1
                yield replace(file, prior=Prior(kept=NO_IMAGE))
            else:
                notes.skipped += 1
                extension = extension_of(file.key)
                if extension in skipped or len(skipped) < _MOST_EXTENSIONS:
                    skipped[extension] += 1

    def _once(self, files: Iterator[Found], notes: ListingNotes) -> Iterator[Found]:
        """What the globs let through, each file under one name: its own if that is taken, else that of a link."""
        by_link: set[str] = set()
        for found in files:
            if not self.allows(found.image.key):
                notes.filtered += 1
                continue
            if found.twin is not None:
                is_given = found.has_twin and self.may_take(found.twin, is_image=found.is_twin_image)
                if is_given or found.twin in by_link:
                    notes.linked += 1
                    continue
                if found.is_image:
                    by_link.add(found.twin)
            yield found

    def _seen(
        self, files: Iterator[Found], read_head: Callable[[SourceImage], bytes]
    ) -> Iterator[tuple[SourceImage, bool]]:
        """Each file, and whether it is an image; those that must be looked into several at once."""
        if not self._options.sniff:
            yield from ((found.image, found.is_image) for found in files)
            return
        waiting: deque[tuple[SourceImage, Future[bool] | None]] = deque()
        looks = 0
        for found in files:
            look = None if found.is_image else shared_threads().submit(_is_image, read_head, found.image)
            waiting.append((found.image, look))
            looks += look is not None
            while waiting and (looks >= _LOOKS or waiting[0][1] is None):
                image, first = waiting.popleft()
                looks -= first is not None
                yield image, first is None or first.result()
        for image, look in waiting:
            yield image, look is None or look.result()


def _is_image(read_head: Callable[[SourceImage], bytes], file: SourceImage) -> bool:
    """One that cannot be looked into counts as an image: reading it will say why, as a row."""
    try:
        return sniff(read_head(file)).is_image
    except StoreDownError:
        raise
    except OSError:
        return True
