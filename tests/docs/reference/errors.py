"""docs/reference/errors.md, from the error classes and the table of exit codes."""

from __future__ import annotations

from collections.abc import Iterator

from codec.errors import CodecError
from jobs.terminal.exit_codes import exit_code
from pipeline.errors import TenfoldError
from tests.docs.reference.command_line import exit_code_rows
from tests.docs.reference.docstrings import one_line
from tests.docs.reference.tables import page, table


def errors_page() -> str:
    """The text of errors.md."""
    lines: list[str] = []
    for base, words in (
        (
            TenfoldError,
            "Raised around the codec. In `tenfold.pipeline.errors`; in a checkout, `pipeline.errors`.",
        ),
        (CodecError, "Raised by the codec. In `tenfold.codec.errors`; in a checkout, `codec.errors`."),
    ):
        lines += [f"## {base.__name__}", "", words, "", "```text", *drawn(base), "```", ""]
        rows = [
            (f"`{kind.__name__}`", f"`{exit_code(kind)}`", one_line(kind.__doc__ or ""))
            for kind in family(base)
        ]
        lines += [*table(("error", "exit code", "what is wrong"), rows), ""]
    lines += ["## Exit codes", "", *table(("code", "name", "when"), exit_code_rows())]
    return page(
        "Errors and exit codes",
        "Every error that Tenfold raises on purpose is a `TenfoldError` or a `CodecError`; anything else is a bug. A "
        "message says what was expected, what was there instead, where, and what to do. One image that cannot be read "
        "is no error: it is a row of the catalogue with the status `failed` and a reason, and the run goes on.",
        lines,
    )


def family(base: type[BaseException]) -> Iterator[type[BaseException]]:
    """An error class and all that extend it, parents first, in the order of their source."""
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == base.__module__:
            yield from family(kind)


def drawn(base: type[BaseException]) -> list[str]:
    """The tree of names below an error class."""

    def below(parent: type[BaseException], indent: str) -> Iterator[str]:
        kinds = [kind for kind in parent.__subclasses__() if kind.__module__ == base.__module__]
        for number, kind in enumerate(kinds, start=1):
            last = number == len(kinds)
            yield f"{indent}{'└── ' if last else '├── '}{kind.__name__}"
            yield from below(kind, indent + ("    " if last else "│   "))

    return [base.__name__, *below(base, "")]
