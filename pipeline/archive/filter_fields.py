"""What a filter can ask of an image: each field's name, what it means, and which rows of the catalogue meet it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

Holds = Callable[[pa.RecordBatch], pa.Array]
"""For each row whether something is true of it; null where the row does not tell."""
Values = Callable[[pa.RecordBatch], pa.Array]
"""A number for each row; null where the row does not tell."""

COMPARISONS: Final[dict[str, Callable[[Any, Any], pa.Array]]] = {
    "<=": pc.less_equal,
    ">=": pc.greater_equal,
    "!=": pc.not_equal,
    "<": pc.less,
    ">": pc.greater,
    "=": pc.equal,
    ":": pc.equal,
}
"""The operators, those that begin like another before it."""
_EQUAL: Final = ("=", ":")
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})", re.ASCII)
_SIZE: Final = re.compile(rf"({_NUMBER.pattern})(B|kB|MB|GB|TB)?", re.ASCII)
_BYTES: Final = {None: 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(ABC):
    """Something that the catalogue knows of images."""

    takes: ClassVar[str]
    """What its values are, in words."""
    name: str
    meaning: str
    columns: tuple[str, ...]
    """That tell it."""
    example: str

    @abstractmethod
    def condition(self, operator: str, value: str) -> Holds | None:
        """Which rows meet it; None where the value is of another kind, or the operator can do nothing with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Field):
    """A number, of one column or made of several."""

    takes: ClassVar[str] = "a number, as 32 or 0.5"
    values: Values

    def condition(self, operator: str, value: str) -> Holds | None:
        """Compares."""
        limit = self.parsed(value)
        return None if limit is None else lambda rows: COMPARISONS[operator](self.values(rows), limit)

    def parsed(self, value: str) -> float | None:
        """A text as a number; None of one that is none."""
        return float(value) if _NUMBER.fullmatch(value) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteCount(Number):
    """A number of bytes."""

    takes: ClassVar[str] = "a number of bytes, as 4096, 300kB or 1.5MB"

    def parsed(self, value: str) -> float | None:
        """A text as bytes; None of one that is no size."""
        match = _SIZE.fullmatch(value)
        return None if match is None else float(match[1]) * _BYTES[match[2]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Field):
    """A text, one of several where they are told with commas between; capitals do not count."""

    takes: ClassVar[str] = "a word, or several as one,other; it is compared by : or !="
    where: Callable[..., pa.Array]
    """Of two texts without capitals: whether the second is what is asked for in the first."""

    def condition(self, operator: str, value: str) -> Holds | None:
        """Looks for any of the words."""
        words = [word for word in value.lower().split(",") if word]
        if not words or operator not in (*_EQUAL, "!="):
            return None

        def is_any(rows: pa.RecordBatch) -> pa.Array:
            texts = pc.utf8_lower(rows[self.columns[0]])
            found = self.where(texts, words[0])
            for word in words[1:]:
                found = pc.or_(found, self.where(texts, word))
            return pc.invert(found) if operator == "!=" else found

        return is_any


@dataclass(frozen=True, slots=True, kw_only=True)
class Time(Field):
    """A moment, compared with a whole year, month or day in UTC."""

    takes: ClassVar[str] = "a day, month or year in UTC, as 2026-11-28, 2026-11 or 2026"

    def condition(self, operator: str, value: str) -> Holds | None:
        """Compares with where the span begins and ends."""
        span = _span(value)
        if span is None:
            return None
        begin, end = (pa.scalar(moment, pa.timestamp("us", tz="UTC")) for moment in span)
        column = self.columns[0]
        if operator in ("<", ">="):
            return lambda rows: COMPARISONS[operator](rows[column], begin)
        if operator in ("<=", ">"):
            return lambda rows: COMPARISONS["<" if operator == "<=" else ">="](rows[column], end)

        def inside(rows: pa.RecordBatch) -> pa.Array:
            found = pc.and_(pc.greater_equal(rows[column], begin), pc.less(rows[column], end))
            return pc.invert(found) if operator == "!=" else found

        return inside


def _span(text: str) -> tuple[datetime, datetime] | None:
    """When a year, month or day begins and when the next one does."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
    try:
        begin = datetime(year, month, day, tzinfo=UTC)
        if match[3]:
            return begin, begin + timedelta(days=1)
        months = 12 * year + month + (0 if match[2] else 11)
        return begin, datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _float(rows: pa.RecordBatch, column: str) -> pa.Array:
    return rows[column].cast(pa.float64())


def _megapixels(rows: pa.RecordBatch) -> pa.Array:
    return pc.multiply(pc.multiply(_float(rows, "width"), _float(rows, "height")), 1e-6)


def _times_smaller(rows: pa.RecordBatch) -> pa.Array:
    return pc.divide(_float(rows, "source_size"), _float(rows, "payload_length"))


def _number(name: str, column: str, example: str, meaning: str, kind: type[Number] = Number) -> Number:
    return kind(
        name=name, meaning=meaning, columns=(column,), example=example, values=partial(_float, column=column)
    )


def _word(name: str, column: str, example: str, meaning: str, where: Callable[..., pa.Array]) -> Word:
    return Word(name=name, meaning=meaning, columns=(column,), example=example, where=where)


_ALL: Final[tuple[Field, ...]] = (
    _number("psnr", "psnr_db", "psnr<32", "PSNR of what comes back, in dB; lossless images have none"),
    _number("ssim", "ms_ssim", "ssim<0.95", "MS-SSIM of what comes back"),
    _number("bpp", "bpp", "bpp>2", "bits a pixel"),
    _number("quality", "quality", "quality>=34", "quality level, 0 to 63"),
    _number("effort", "effort", "effort=2", "how long the payload was improved, 0 to 3"),
    Number(name="mp", meaning="megapixels", columns=("width", "height"), example="mp>12", values=_megapixels),
    _number("width", "width", "width>=4000", "pixels, as stored"),
    _number("height", "height", "height>=4000", "pixels, as stored"),
    _number("bytes", "payload_length", "bytes>1MB", "bytes in the archive", ByteCount),
    _number("source", "source_size", "source>10MB", "bytes of the file it came from", ByteCount),
    Number(
        name="ratio",
        meaning="how many times smaller than its file",
        columns=("source_size", "payload_length"),
        example="ratio<2",
        values=_times_smaller,
    ),
    _word("status", "status", "status:kept,failed", "coded, lossless, bounded, kept or failed", pc.equal),
    _word(
        "reason",
        "reason",
        "reason:animation",
        "why it was not coded: a part of the words",
        pc.match_substring,
    ),
    _word("codec", "codec", "codec:hyper-1", "id of the codec", pc.equal),
    _word(
        "weights", "weights", "weights:3f9c", "digest of the codec's weights: how it begins", pc.starts_with
    ),
    _word(
        "importance",
        "importance",
        "importance:missing,broken",
        "how bits were spread in it: auto, map, missing or broken",
        pc.starts_with,
    ),
    _word(
        "words",
        "words",
        "words:missing,broken",
        "whether its encoder was told what a text beside it says: text, missing or broken",
        pc.starts_with,
    ),
    _word("packing", "packing", "packing:lepton", "how a payload that is no codec's is packed", pc.equal),
    _word("format", "source_format", "format:png", "format of the file it came from", pc.equal),
    _word("mode", "mode", "mode:rgba", "Pillow's mode: RGB, L, RGBA, ...", pc.equal),
    _word("run", "run", "run:2026", "the run that encoded it: how its id begins", pc.starts_with),
    Time(name="encoded", meaning="when it was encoded", columns=("encoded_at",), example="encoded>=2026-11"),
    Time(
        name="modified",
        meaning="when its file was last changed",
        columns=("source_mtime",),
        example="modified<2020",
    ),
)
FIELDS: Final = {field.name: field for field in _ALL}
