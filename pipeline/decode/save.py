"""Save one file under the name that the user gave: over nothing, unless they say so, and never over an original."""

from __future__ import annotations

from pipeline.archive.catalogue import Catalogue
from pipeline.decode.destination import check_no_archive, files_at
from pipeline.decode.file_outlet import holds
from pipeline.decode.originals import Originals
from pipeline.errors import RestoreError
from pipeline.store.storage import Storage


def save_file(archive: Storage, folder: Storage, name: str, data: bytes, *, overwrite: bool) -> None:
    """Write a file whole.

    Args:
        archive: from which it comes.
        overwrite: take the place of a file that is there.
    Raises:
        RestoreError: there is a file of other content, and it must not be written over; or the place is inside an
            archive.
        StorageError: the store does not do as asked.
    """
    check_no_archive(archive, folder, [name])
    if folder.create(name, data) or holds(folder, name, data):
        return
    where = f"{folder.url.rstrip('/')}/{name}"
    if not overwrite:
        raise RestoreError(
            f"Expected no file yet where the image is to be written, got one at {where}. "
            "Choose another name with -o, or write over it with --overwrite."
        )
    if any(Originals([Catalogue(archive)]).among(folder, files_at(folder, [name]))):
        raise RestoreError(
            f"Expected a file that may be written over, got {where}, an original from which the archive was made. "
            "Choose another name with -o."
        )
    folder.write(name, data)
