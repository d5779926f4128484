"""The files of the page, into one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from PIL import Image

from codec.bench.zoo.claims import ClaimAnswer
from codec.bench.zoo.crops import Strip
from codec.bench.zoo.page.content import Content, content_of
from codec.bench.zoo.page.html import as_html
from codec.bench.zoo.page.markdown import as_markdown
from codec.bench.zoo.sheet import Sheet, to_json

_WEBP_QUALITY: Final = 90
"""Of crops. That they pass through WebP once more is said on the page."""


def write_pages(
    sheet: Sheet, answers: Sequence[ClaimAnswer], strips: Mapping[float, Sequence[Strip]], out: Path
) -> list[Path]:
    """index.html, README.md and zoo.json, and beside them curves and pictures; those of an earlier run are removed.

    Raises:
        OSError: the folder cannot be written.
    """
    content = content_of(sheet, answers, strips)
    for pattern in ("pictures/*.webp", "curves/*.svg"):
        for old in out.glob(pattern):
            old.unlink()
    for figure in (one for shelf in content.shelves for one in shelf.figures):
        file = out / figure.file
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(figure.pixels).save(file, "WEBP", quality=_WEBP_QUALITY, method=6)
    texts = {
        **content.curves,
        "index.html": as_html(content),
        "README.md": as_markdown(content),
        "zoo.json": json.dumps(_json_of(content), indent=1, allow_nan=False) + "\n",
    }
    for name, text in texts.items():
        file = out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return [out / "index.html", out / "README.md", out / "zoo.json"]


def _json_of(content: Content) -> dict[str, Any]:
    """The sheet, and what it says to the claims."""
    claims = [asdict(answer) | {"claim": answer.claim.model_dump()} for answer in content.answers]
    return to_json(content.sheet) | {"claims": claims}
