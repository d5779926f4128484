"""A name that was meant where another was given."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(given: object, names: Iterable[str]) -> str:
    """The end of a message about a name that nobody has: `; did you mean hyper-1?`, or nothing where none is near."""
    near = difflib.get_close_matches(str(given), names, n=1)
    return f"; did you mean {near[0]}?" if near else ""
