"""How networks look at pictures when they judge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def judging() -> Iterator[None]:
    """In float32 and without gradients, whatever is in force around us."""
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):
        yield
