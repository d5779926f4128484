"""The picture of a file that was kept, opened by Pillow as it is."""

from __future__ import annotations

import io

import PIL.Image

from pipeline.errors import ArchiveError
from pipeline.packing.file_of import file_of
from pipeline.types import ShardRow


def original_picture(row: ShardRow) -> PIL.Image.Image:
    """Open it; its pixels are decoded when they are asked for.

    Args:
        row: kept or bounded, with its payload.
    Raises:
        ArchiveError: Pillow does not open it: it is no picture, or too large a one.
        DamagedError, NewerFormatError: as `file_of`.
    """
    file = file_of(row)
    try:
        return PIL.Image.open(io.BytesIO(file))
    except PIL.Image.DecompressionBombError as error:
        raise ArchiveError(
            f"Expected an image that Pillow opens under key {row.key!r}, got an original too large for it "
            f"({error}). `Archive.file` gives the file; or raise PIL.Image.MAX_IMAGE_PIXELS."
        ) from error
    except (OSError, ValueError, EOFError) as error:
        raise ArchiveError(
            f"Expected an image that Pillow opens under key {row.key!r}, got an original that it does not, kept as it "
            f"was: {row.reason}. `Archive.file` gives the file."
        ) from error
