"""A real headless Chromium for tests of pages; what they say and ask for is recorded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"
)
_PATIENCE_MS = 30_000
"""Tests run on machines that do other work too."""
_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(slots=True, kw_only=True)
class Opened:
    """A page in the browser."""

    page: Any
    said: list[str] = field(default_factory=list)
    """Console messages and uncaught errors."""
    asked: list[str] = field(default_factory=list)
    """URLs beyond the page itself."""

    def number(self, script: str) -> float:
        """What a script evaluates to."""
        return float(self.page.evaluate(script))

    def texts(self, selector: str) -> list[str]:
        """The visible text of each element."""
        return [str(text) for text in self.page.locator(selector).all_inner_texts()]


class Browser:
    """Opens pages."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def open(self, path: Path, **context: Any) -> AbstractContextManager[Opened]:
        """A report from disk, once its table stands. `context`: as of `visit`."""
        return self.visit(path.as_uri(), "#table .tabulator-row", **context)

    @contextmanager
    def visit(self, url: str, ready: str, **context: Any) -> Iterator[Opened]:
        """A page, once an element that `ready` selects is there. `context`: viewport, ... of Playwright."""
        with self._browser.new_context(**context) as made:
            opened = Opened(page=made.new_page())
            opened.page.set_default_timeout(_PATIENCE_MS)
            opened.page.on("console", lambda message: opened.said.append(f"{message.type}: {message.text}"))
            opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
            opened.page.on(
                "request",
                lambda request: (
                    None if request.url.startswith(("data:", url)) else opened.asked.append(request.url)
                ),
            )
            opened.page.goto(url)
            opened.page.wait_for_selector(ready)
            yield opened


@contextmanager
def run_browser() -> Iterator[Browser]:
    """Chromium, started once."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(_QUIET))
        try:
            yield Browser(browser)
        finally:
            browser.close()
