"""The pages of docs/reference/, written from the code: `python -m tests.docs.reference`, or `make reference`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tests.docs.markdown import ROOT
from tests.docs.reference.command_line import command_line_page
from tests.docs.reference.config import config_page
from tests.docs.reference.errors import errors_page
from tests.docs.reference.filters import filters_page
from tests.docs.reference.python import python_page
from tests.docs.reference.rooms import rooms_page

FOLDER: Final = ROOT / "docs" / "reference"
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "cli.md": command_line_page,
    "config.md": config_page,
    "errors.md": errors_page,
    "filters.md": filters_page,
    "python.md": python_page,
    "rooms.md": rooms_page,
}
"""File name -> what makes its text."""
