"""The pages of a TIFF file, each once: directories may name each other in a circle, which tifffile follows for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import tifffile

_MOST_PAGES: Final = 65_536
"""A file of more is left as it is: walking its directories would take longer than packing gains."""


def pages_of(file: tifffile.TiffFile) -> Iterator[tifffile.TiffPage]:
    """Every page in the order of the file, until a directory comes again.

    Raises:
        ValueError: there are more than anybody means.
    """
    seen: set[int] = set()
    for page in file.pages:
        if page.offset in seen:
            return
        seen.add(page.offset)
        if len(seen) > _MOST_PAGES:
            raise ValueError(f"Expected at most {_MOST_PAGES:,} pages, got more.")
        yield page
