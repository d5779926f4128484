"""The token that clients must show, where there is one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pipeline.errors import UsageError

_VARIABLE: Final = "TENFOLD_TOKEN"


def read_token(file: Path | None) -> str | None:
    """What a file holds; without one the environment's token, or None where that has none either.

    Raises:
        UsageError: the file holds none.
    """
    if file is None:
        return os.environ.get(_VARIABLE) or None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"Expected a token in {file}, got: {error}.") from error
    if not token or not token.isascii() or not token.isprintable():
        raise UsageError(f"Expected a token of ASCII characters in {file}, on one line, got another or none.")
    return token
