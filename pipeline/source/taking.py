"""Which of the files found are taken, and as what: images by name or by content, others, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import pyarrow as pa

from pipeline.errors import StoreDownError
from pipeline.globs import key_matcher
from pipeline.image.formats.sniff import sniff
from pipeline.source.found import Found, Twin
from pipeline.source.image_names import extension_of
from pipeline.source.listing import images_of
from pipeline.source.notes import ListingNotes
from pipeline.source.options import SourceOptions
from pipeline.store.shared_threads import shared_threads
from pipeline.types import SourceImage

HEAD_BYTES: Final = 4096
"""What is read of a file to see whether it is an image."""
NO_IMAGE: Final = "not an image: stored as it is"
_LOOKS: Final = 32
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
    ) -> Iterator[pa.RecordBatch]:
        """The files that are taken, in their order, in batches of LISTING that are not empty.

        Args:
            read_head: gives the first HEAD_BYTES of a file.
            notes: are kept.
            skipped: counts the extensions of those that are left out because they are no images.
        Raises:
            StoreDownError: a file could not be looked into, nor could any other.
        """
        for found in self._seen(self._once(files, notes), read_head):
            taken = found
            others = found.are_images.count(False)
            if others and self._options.others == "keep":
                notes.others += others
            elif others:
                taken = found.at([place for place, is_image in enumerate(found.are_images) if is_image])
                notes.skipped += others
                _count_extensions(found, skipped)
            if len(taken):
                yield taken.batch(NO_IMAGE)

    def _once(self, files: Iterator[Found], notes: ListingNotes) -> Iterator[Found]:
        """What the globs let through, each file under one name: its own if that is taken, else that of a link."""
        by_link: set[str] = set()
        for found in files:
            allowed = found
            if self._include or self._exclude:
                allowed = found.at([place for place, key in enumerate(found.keys) if self.allows(key)])
                notes.filtered += len(found) - len(allowed)
            again = {
                place
                for place, twin in allowed.twins.items()
                if self._is_again(twin, by_link, is_image=allowed.are_images[place])
            }
            notes.linked += len(again)
            yield (
                allowed.at([place for place in range(len(allowed)) if place not in again])
                if again
                else allowed
            )

    def _is_again(self, twin: Twin, by_link: set[str], *, is_image: bool) -> bool:
        """Whether the file of a link is given under another name."""
        is_given = twin.is_listed and self.may_take(twin.key, is_image=twin.is_image)
        if is_given or twin.key in by_link:
            return True
        if is_image:
            by_link.add(twin.key)
        return False

    def _seen(self, files: Iterator[Found], read_head: Callable[[SourceImage], bytes]) -> Iterator[Found]:
        """The files with what is known of them; those that must be looked into several at once."""
        if not self._options.sniff:
            yield from files
            return
        for found in files:
            for start in range(0, len(found), _LOOKS):
                part = found.at(range(start, min(start + _LOOKS, len(found))))
                looks = [
                    None if is_image else shared_threads().submit(_is_image, read_head, image)
                    for image, is_image in zip(images_of(part.batch(NO_IMAGE)), part.are_images, strict=True)
                ]
                yield part.taken_as([look is None or look.result() for look in looks])


def _count_extensions(found: Found, skipped: Counter[str]) -> None:
    for key, is_image in zip(found.keys, found.are_images, strict=True):
        if not is_image:
            extension = extension_of(key)
            if extension in skipped or len(skipped) < _MOST_EXTENSIONS:
                skipped[extension] += 1


def _is_image(read_head: Callable[[SourceImage], bytes], file: SourceImage) -> bool:
    """One that cannot be looked into counts as an image: reading it will say why, as a row."""
    try:
        return sniff(read_head(file)).is_image
    except StoreDownError:
        raise
    except OSError:
        return True
