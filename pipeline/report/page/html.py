"""report.html: one page with everything inside, that asks no network for anything.

The template is page/report.html.j2; everything from the archive goes through Jinja2's escaping, or as escaped JSON
into one script element that is data. Other people's code is in page/vendor, unchanged.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report.page.data import inlined, page_data
from pipeline.report.page.text import page_words
from pipeline.report.report import Report

PAGE_BYTES: Final = 5_000_000
"""What a page is kept under; pieces of it are bounded so that it is, whatever the archive's size."""
_FOLDER: Final = Path(__file__).parent
_STYLES: Final = ("vendor/tabulator.min.css", "vendor/img-comparison-slider.css", "report.css")
_SCRIPTS: Final = (
    "vendor/chart.umd.min.js",
    "vendor/tabulator.min.js",
    "vendor/img-comparison-slider.min.js",
    "report.js",
)


def report_html(report: Report) -> bytes:
    """The whole page."""
    data = page_data(report)
    words = page_words(report, rows_shown=len(data["images"]["rows"]))
    template = _environment().get_template("report.html.j2")
    return template.render(
        page=words,
        data=inlined(data),
        styles=Markup("\n".join(map(_asset, _STYLES))),
        scripts=[Markup(_asset(name)) for name in _SCRIPTS],
    ).encode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


@cache
def _asset(name: str) -> str:
    """One of our own files: without the line that names its source map, which a browser would look for."""
    lines = (_FOLDER / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if "sourceMappingURL=" not in line)
