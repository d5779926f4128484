"""The 24 Kodak images: how to recognise them, and the curves others published for them.

No encoder of those curves runs here, so they are shown as published, with their source, and only beside
measurements of the same 24 images.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from codec.contract import RGB

_FILE: Final = Path(__file__).with_name("kodak.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPoint:
    """Means over the 24 images, as published."""

    bpp: float
    psnr_db: float
    ms_ssim: float | None
    """None: not published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCurve:
    """What somebody else measured."""

    id: str
    title: str
    source: str
    """Repository, commit and file."""
    points: tuple[PublishedPoint, ...]


def image_digest(image: RGB) -> str:
    """sha256 of an image's size and RGB samples, whatever file they came from."""
    height, width = image.shape[:2]
    return hashlib.sha256(f"{width}x{height}:".encode() + np.ascontiguousarray(image).tobytes()).hexdigest()


def why_not_kodak(digests: Iterable[str]) -> str | None:
    """None when these are exactly the 24 images; else why published curves cannot stand beside them."""
    kodak = set(_content()["images"].values())
    given = list(digests)
    here = len(kodak.intersection(given))
    if here == len(kodak) == len(given):
        return None
    return (
        f"they hold for the {len(kodak)} Kodak images; of the {len(given)} images here, {here} are of those"
    )


def published_curves() -> list[PublishedCurve]:
    """Every curve that ships with the code."""
    return [
        PublishedCurve(
            id=curve["id"],
            title=curve["title"],
            source=curve["source"],
            points=tuple(
                PublishedPoint(bpp=bpp, psnr_db=psnr_db, ms_ssim=ms_ssim)
                for bpp, psnr_db, ms_ssim in curve["points"]
            ),
        )
        for curve in _content()["curves"]
    ]


@cache
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return content
