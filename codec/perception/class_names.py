"""What the classes of ImageNet are called: for people, and for whoever searches by words."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("imagenet_names.txt")


def class_names() -> tuple[str, ...]:
    """The 1,000 classes, in the order in which classifiers give them."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))
