"""Source code moved below another package: its absolute imports say the longer name, nothing else changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

_FROM = len(b"from ")


class UnmovableError(Exception):
    """A file names a module of the house in a way that would not be true once the house is below another package."""


def moved(source: bytes, *, below: str, modules: Set[str], where: str) -> bytes:
    """The UTF-8 `source` of a Python file with `from codec.x import y` written as `from BELOW.codec.x import y`.

    Lines keep their numbers. Relative imports, and imports of what is not in `modules`, stay.

    Args:
        below: the package that all of `modules` move into.
        modules: dotted names of every package and module that moves.
        where: the file's name, for messages.
    Raises:
        UnmovableError: an import binds a room itself (`import codec.x`), or a string names a module.
    """
    tree = ast.parse(source, where)
    lines = source.splitlines(keepends=True)
    for line, column in sorted(_places(tree, lines, modules, where), reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + f"{below}.".encode() + text[column:]
    return b"".join(lines)


def _places(tree: ast.Module, lines: list[bytes], modules: Set[str], where: str) -> Iterator[tuple[int, int]]:
    """Line (from 1) and byte in it where the name of a module that moves begins."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module and node.module in modules:
            column = node.col_offset + _FROM
            if not lines[node.lineno - 1].startswith(node.module.encode(), column):
                raise UnmovableError(
                    f"{where}:{node.lineno}: expected `from {node.module} import` on one line"
                )
            yield node.lineno, column
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name not in modules:
                    continue
                if alias.asname is None:
                    raise UnmovableError(
                        f"{where}:{node.lineno}: expected `from ... import ...`, or `import {alias.name} as NAME`; "
                        f"`import {alias.name}` binds a name that the installed package does not have"
                    )
                yield alias.lineno, alias.col_offset
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            _check_string(node, node.value, modules, where)


def _check_string(node: ast.Constant, text: str, modules: Set[str], where: str) -> None:
    """A name like `codec.families.`, with its dot, may be the start of an f-string."""
    if "." in text and text.removesuffix(".") in modules:
        raise UnmovableError(
            f"{where}:{node.lineno}: expected a module's name made from `__name__`, `__package__` or `__spec__`, "
            f"got the string {text!r}; in an install that module has another name"
        )
