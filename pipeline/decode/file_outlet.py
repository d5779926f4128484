"""Put a decoded file into its destination: never over anything, unless that is known to be replaceable."""

from __future__ import annotations

from pipeline.decode.deliver import Delivery
from pipeline.decode.file_names import spare_paths
from pipeline.decode.tasks import FilePlace, WantedImage
from pipeline.errors import RestoreError, UnfitNameError
from pipeline.store.name_limits import NameLimits, limits_of
from pipeline.store.storage import Storage
from pipeline.types import ShardRow


class FileOutlet:
    """Each image is a file of its own, there as soon as it is put."""

    def __init__(self, destination: Storage) -> None:
        """Take the folder or bucket that the places of images are below."""
        self._destination = destination
        self._limits = limits_of(destination.url)

    def put(self, wanted: WantedImage, row: ShardRow, delivery: Delivery) -> str:
        """Write its file; see `put_file`."""
        return put_file(self._destination, wanted.place(delivery.fmt), delivery.data, self._limits)

    def finish(self) -> None:
        """All is published."""


def put_file(destination: Storage, place: FilePlace, data: bytes, limits: NameLimits) -> str:
    """Write a file whole, and return the path that it got.

    Where its name is taken by other content, or is none that the store can hold (case, trailing dots, a folder of
    that name), it gets a spare one (file_names.py). A file that holds these very bytes is taken for ours.

    Raises:
        RestoreError: the spare names are taken too.
        StorageError: the store does not do as asked.
    """
    if place.replaces:
        destination.write(place.path, data)
        return place.path
    got = "other files under all of these names"
    for path in (place.path, *spare_paths(place.path, limits)):
        try:
            if destination.create(path, data) or holds(destination, path, data):
                return path
        except UnfitNameError as error:
            got = str(error)
    raise RestoreError(
        f"Expected a name for {place.asked!r} that is free and that {destination.url} can hold, got {got}. "
        "Choose another folder."
    )


def holds(destination: Storage, path: str, data: bytes) -> bool:
    """Whether a file of exactly this content is there."""
    try:
        return destination.size(path) == len(data) and destination.read(path) == data
    except FileNotFoundError:  # a folder, a pipe, a link to nothing; or it has just been taken away
        return False
