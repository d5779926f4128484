"""A filter that people write, as `holiday/ psnr<32 -status:kept`: which rows of the catalogue meet it.

Terms stand side by side, with spaces between, and all must hold:

    beach           the key holds this text; capitals do not count
    holiday/        the key begins so: all below a folder
    *.jpg           the key matches a glob (pipeline/globs.py); so does **/2026-*/img?.png
    "my cat"        quotes: a text with spaces or signs in it, never a glob, a folder or a field
    psnr<32         a field, an operator, a value (filter_fields.py): < <= > >= = != :
    -status:kept    not so; also of images of which the field is not known

It becomes comparisons of Arrow columns. No part of it reaches SQL or a path.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.archive.filter_fields import COMPARISONS, FIELDS, Holds
from pipeline.errors import ConfigError, FilterError
from pipeline.globs import is_glob, key_expression, literal_texts

LONGEST: Final = 1000
"""Characters of a filter."""
MOST_TERMS: Final = 20
_OPERATOR: Final = "|".join(COMPARISONS)
_TERM: Final = re.compile(
    rf'(?P<no>-?)(?:(?P<name>[A-Za-z_]+)(?P<operator>{_OPERATOR}))?(?P<value>(?:[^\s"]|"(?:[^"\\]|\\.)*")*)',
    re.DOTALL,
)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One thing that images must be."""

    holds: Holds
    columns: tuple[str, ...] = ("key",)
    """That it looks at."""
    prefix: str = ""
    """What the keys of all images begin with of which it holds."""
    is_folder: bool = False
    """Whether it holds of all whose keys begin so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What images must be: each of the terms."""

    terms: tuple[Term, ...] = ()

    @property
    def prefix(self) -> str:
        """What the keys of all images begin with that meet it."""
        return max((term.prefix for term in self.terms), key=len, default="")

    @property
    def is_folder(self) -> bool:
        """Whether all images meet it whose keys begin with the prefix: then none need be looked at."""
        return all(term.is_folder and self.prefix.startswith(term.prefix) for term in self.terms)

    @property
    def columns(self) -> list[str]:
        """That it looks at."""
        return list(dict.fromkeys(column for term in self.terms for column in term.columns))

    def holds(self, rows: pa.RecordBatch) -> pa.Array:
        """For each row whether it meets the filter: never null."""
        every = pa.repeat(True, len(rows))
        return reduce(pc.and_, (pc.fill_null(term.holds(rows), False) for term in self.terms), every)


def parse_filter(text: str) -> Filter:
    """The filter that a text says; an empty one lets everything through.

    Raises:
        FilterError: what was expected, what came, at which characters, and what to do.
    """
    if len(text) > LONGEST:
        raise FilterError(
            f"Expected a filter of {LONGEST:,} characters at most, got {len(text):,}; make it shorter.",
            start=LONGEST,
            stop=len(text),
        )
    matches = list(_matches(text))
    if len(matches) > MOST_TERMS:
        raise _error(matches[MOST_TERMS], f"{MOST_TERMS} terms at most", "one more", "Leave some out")
    return Filter(terms=tuple(map(_term, matches)))


def _matches(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TERM.match(text, at)
        assert match is not None, "the expression matches nothing too"
        at = match.end()
        if at < len(text) and not text[at].isspace():
            raise FilterError(
                f"Expected a quote that ends what the one at character {at + 1} begins, got the end of the filter "
                f'{text!r}. Add a `"`; one inside quotes is written `\\"`.',
                start=at,
                stop=len(text),
            )
        yield match


def _term(match: re.Match[str]) -> Term:
    term = _name_term(match) if match["name"] is None else _field_term(match)
    if not match["no"]:
        return term
    return Term(holds=lambda rows: pc.invert(pc.fill_null(term.holds(rows), False)), columns=term.columns)


def _field_term(match: re.Match[str]) -> Term:
    name, operator, value = match["name"].lower(), match["operator"], _unquoted(match["value"])
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        hint = f"Is it `{near[0]}`?" if near else f"There are {', '.join(FIELDS)}."
        raise _error(
            match,
            "the name of a field",
            f"`{match['name']}`",
            f"{hint} A key that holds this is put in quotes",
        )
    field = FIELDS[name]
    holds = field.condition(operator, value)
    if holds is None:
        raise _error(
            match,
            f"{field.takes}, after `{name}{operator}`",
            f"`{value}`",
            f"Write it as in `{field.example}`",
        )
    return Term(holds=holds, columns=field.columns)


def _name_term(match: re.Match[str]) -> Term:
    value = match["value"]
    text = _unquoted(value)
    if not text:
        raise _error(
            match, "a term", f"`{match[0]}`", "Write what is looked for, as `-status:kept`, or leave it out"
        )
    if value.startswith('"'):
        return Term(holds=_contains(text))
    if is_glob(text):
        return _glob_term(match, text)
    if text.endswith("/"):
        return Term(holds=lambda rows: pc.starts_with(rows["key"], text), prefix=text, is_folder=True)
    return Term(holds=_contains(text))


def _contains(text: str) -> Holds:
    return lambda rows: pc.match_substring(rows["key"], text, ignore_case=True)


def _glob_term(match: re.Match[str], glob: str) -> Term:
    try:
        expression = rf"(?s)\A(?:{key_expression(glob).pattern})\z"
        pc.match_substring_regex(pa.array([""]), expression)
    except (ConfigError, pa.ArrowInvalid) as error:
        raise _error(
            match, "a glob whose ranges in brackets run forwards and hold no `/`", f"`{glob}`", "Correct it"
        ) from error
    return Term(
        holds=lambda rows: pc.match_substring_regex(rows["key"], expression), prefix=literal_texts(glob)[0]
    )


def _unquoted(value: str) -> str:
    """A value without its quotes, and without the backslashes inside them."""
    return _QUOTED.sub(lambda quoted: re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), value)


def _error(match: re.Match[str], expected: str, got: str, do: str) -> FilterError:
    where = f"at character {match.start() + 1} of the filter {match.string!r}"
    return FilterError(
        f"Expected {expected}, got {got} {where}. {do}.", start=match.start(), stop=match.end()
    )
