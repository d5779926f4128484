"""The code that runs, which need not be what is installed there: `tenfold submit` ships its own to a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Final

VERSION: Final = "0.1.0"
IS_INSTALLED: Final = __name__.startswith("tenfold.")
"""Whether the rooms lie below `tenfold`, as in an install; in a checkout they lie beside it."""
PACKAGES: Final = ("tenfold",) if IS_INSTALLED else ("tenfold", "codec", "pipeline", "jobs")
"""All that the code is made of."""
FOLDER: Final = Path(__file__).resolve().parents[__name__.count(".")]
"""Where those packages lie."""
