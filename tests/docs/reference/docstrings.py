"""What source code says of itself: docstrings, also those below a field or a constant, as Markdown."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType
from typing import Final

_SECTIONS: Final = ("Args:", "Returns:", "Raises:")
_ENTRY: Final = re.compile(r"(\w+): (.+)", re.DOTALL)


def below_names(owner: type | ModuleType) -> dict[str, str]:
    """The docstring that stands below each field of a class, or each constant of a module, as one line."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else tree.body
    found: dict[str, str] = {}
    for statement, below in pairwise(body):
        name = _assigned(statement)
        if (
            name
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
            and isinstance(below.value.value, str)
        ):
            found[name] = one_line(below.value.value)
    return found


def _assigned(statement: ast.stmt) -> str | None:
    """The name that a statement gives a value, if it gives one to a single name."""
    targets = (
        statement.targets
        if isinstance(statement, ast.Assign)
        else [statement.target]
        if isinstance(statement, ast.AnnAssign)
        else []
    )
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def inherited_below_names(owner: type) -> dict[str, str]:
    """As `below_names`, with the fields of the classes that `owner` extends."""
    found: dict[str, str] = {}
    for one in reversed(owner.__mro__):
        if one.__module__.split(".")[0] in {"codec", "pipeline", "jobs"}:
            found |= below_names(one)
    return found


def one_line(text: str) -> str:
    """A paragraph without its line breaks."""
    return " ".join(text.split())


def paragraphs(text: str | None) -> list[str]:
    """The paragraphs of a docstring, in order, as they are indented."""
    return [part for part in inspect.cleandoc(text or "").split("\n\n") if part.strip()]


def as_markdown(text: str | None) -> list[str]:
    """A docstring as lines of Markdown: prose, examples as code, arguments and errors as lists."""
    lines: list[str] = []
    for part in paragraphs(text):
        if part.startswith("  "):
            lines += ["```sh", *textwrap.dedent(part).splitlines(), "```", ""]
            continue
        for section, body in _sections(part):
            if section:
                lines += [f"{section}", "", *_entries(body), ""]
            elif body:
                lines += [one_line(body), ""]
    return _joined_fences(lines)


def _sections(part: str) -> Iterator[tuple[str, str]]:
    """A paragraph cut where `Args:` and its like begin; prose has an empty title."""
    title, body = "", list[str]()
    for line in part.splitlines():
        if line in _SECTIONS:
            yield title, "\n".join(body)
            title, body = line, []
        else:
            body.append(line)
    yield title, "\n".join(body)


def _entries(body: str) -> list[str]:
    """`name: words` below a title as a list; lines further in belong to the entry above."""
    entries: list[str] = []
    for line in textwrap.dedent(body).splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += " " + line.strip()
        else:
            entries.append(line)
    named = [_ENTRY.fullmatch(entry) for entry in entries]
    return [
        f"- `{match[1]}`: {match[2]}" if match else f"- {entry}"
        for entry, match in zip(entries, named, strict=True)
    ]


def _joined_fences(lines: list[str]) -> list[str]:
    """One block for examples that follow each other."""
    text = "\n".join(lines).replace("```\n\n```sh\n", "")
    return text.split("\n")
