"""Every link of the documentation leads somewhere, and every page that code names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, anchors, links, name_of, pages

_PAGE_NAME = re.compile(r"\bdocs/[\w./-]+\.md\b")
_CODE = ("build_backend", "codec", "pipeline", "jobs", "tenfold", "configs", "tests")


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    wrong = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):  # https:, mailto:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            wrong.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target):
            wrong.append(f"{link}: {name_of(target)} has no such heading")
    assert not wrong, "\n".join(wrong)


def test_pages_that_code_names_exist() -> None:
    files = [
        path
        for part in _CODE
        for path in (ROOT / part).rglob("*")
        if path.suffix in {".py", ".yaml", ".j2", ".js"} and "__pycache__" not in path.parts
    ]
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in _PAGE_NAME.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / name).exists()
    ]
    assert not wrong, "\n".join(wrong)
