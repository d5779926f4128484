"""What the tests need to know of a Markdown page: its links, its headings, its code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_FENCE: Final = re.compile(r"^```(\w*)\s*$")
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
_CODE_SPAN: Final = re.compile(r"`[^`]*`")
_HEADING: Final = re.compile(r"^#+ (.+)$")
_NOT_RUN: Final = re.compile(r"<!-- not run: (.+) -->")


def pages() -> list[Path]:
    """README.md, CHANGELOG.md and every page below docs/."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """A page's path below the root, as a test's id."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of code."""

    language: str
    """What stands after the fence; empty where nothing does."""
    text: str
    line: int
    """The number of the block's first line in its page."""
    not_run: str | None
    """The reason in `<!-- not run: reason -->` right above the fence."""


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    opened: tuple[str, int] | None = None
    body: list[str] = []
    above = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if fence and opened is None:
            opened, body = (fence[1], number + 1), []
        elif fence and opened is not None:
            reason = _NOT_RUN.fullmatch(above.strip())
            language, begins = opened
            text = "\n".join(body)
            found.append(
                Block(language=language, text=text, line=begins, not_run=reason[1] if reason else None)
            )
            opened = None
        elif opened is not None:
            body.append(line)
        else:
            above = line
    return found


def links(page: Path) -> list[str]:
    """Targets of a page's links and pictures, as they are written, outside code."""
    prose = _CODE_SPAN.sub("", "\n".join(_prose(page)))
    return [target or source for target, source in _LINK.findall(prose)]


def anchors(page: Path) -> set[str]:
    """What `#...` may name in a page, by GitHub's rule: lower case, no punctuation, dashes for spaces."""
    found: set[str] = set()
    for line in _prose(page):
        heading = _HEADING.match(line)
        if heading:
            words = re.sub(r"[^\w\- ]", "", heading[1].lower()).strip().replace(" ", "-")
            again = sum(1 for one in found if re.fullmatch(rf"{re.escape(words)}(-\d+)?", one))
            found.add(f"{words}-{again}" if again else words)
    return found


def _prose(page: Path) -> list[str]:
    """The lines of a page outside its fenced blocks."""
    inside = False
    lines = []
    for line in page.read_text(encoding="utf-8").splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            lines.append(line)
    return lines
