"""index.html: the page for a browser. It asks no network for anything; its pictures lie beside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from codec.bench.zoo.page import tables, words
from codec.bench.zoo.page.content import Content

_FOLDER: Final = Path(__file__).parent


def as_html(content: Content) -> str:
    """The whole page."""
    template = _environment().get_template("zoo.html.j2")
    return template.render(
        content=content,
        sheet=content.sheet,
        tables=tables,
        words=words,
        curves=[Markup(drawing) for drawing in content.curves.values()],
        style=Markup((_FOLDER / "zoo.css").read_text(encoding="utf-8")),
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
