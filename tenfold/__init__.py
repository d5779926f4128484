"""Tenfold in Python: `from tenfold import Archive`.

An install has everything below this package (`tenfold.codec`, `tenfold.pipeline`, `tenfold.jobs`); a checkout has it
beside this package (`codec`, `pipeline`, `jobs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.own_code import VERSION

if TYPE_CHECKING:
    from pipeline import Archive

__all__ = ["Archive", "__version__"]

__version__ = VERSION


def __getattr__(name: str) -> Any:
    """Import `Archive` when it is asked for: it brings torch, which takes seconds."""
    if name == "Archive":
        from pipeline import Archive

        return Archive
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
