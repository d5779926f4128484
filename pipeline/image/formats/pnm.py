"""Portable any-maps, P1 to P7, PF and Pf: comments, the largest value and what follows the samples are carried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import PIL.Image

from pipeline.errors import SourceError
from pipeline.image.formats.accounting import Account
from pipeline.image.formats.header import Header, depth_reason

_TOKEN = re.compile(rb"#[^\r\n]*|[^\s#]+")
_PAM_LINE = re.compile(rb"[ \t]*([^\r\n]*)\r?\n")
_NEXT_PICTURE = re.compile(rb"\s*P([1-7fF]\s)")
_TEXT, _FLOAT = (b"P1", b"P2", b"P3"), (b"PF", b"Pf")
_BILEVEL = (b"P1", b"P4")
_CHANNELS = {b"P2": 1, b"P5": 1, b"P3": 3, b"P6": 3}
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_TUPLES = {b"GRAYSCALE": 1, b"GRAYSCALE_ALPHA": 2, b"RGB": 3, b"RGB_ALPHA": 4}
_DEEPEST = 65_535


@dataclass(slots=True, kw_only=True)
class _Fields:
    """What stands before the samples."""

    numbers: list[int] = field(default_factory=list)
    """Width, height, channels, largest value."""
    comments: list[tuple[int, int]] = field(default_factory=list)
    largest_at: tuple[int, int] = (0, 0)
    """Where the largest value stands."""
    end: int = 0
    reason: str | None = None


def pnm_header(data: bytes) -> Header:
    """Read the header of a portable any-map; the samples of a text format are read with it.

    Raises:
        SourceError: truncated, or no such header.
    """
    magic = data[:2]
    fields = _pam_fields(data) if magic == b"P7" else _fields(data, magic)
    width, height, channels, largest = fields.numbers
    if not width or not height or not channels or not 0 < largest <= _DEEPEST:
        raise SourceError(f"damaged PPM: the header says {width}x{height} pixels, largest value {largest}")
    account = Account(len(data))
    reason = fields.reason or _samples_reason(magic, largest)
    stream = data
    damage: str | None = None
    if reason is None:
        count = width * height * channels
        if len(data) - fields.end < count:
            damage = (
                f"truncated PPM: {count:,} samples are announced, {len(data) - fields.end:,} bytes follow"
            )
        elif magic in _TEXT:
            samples, end = _text_samples(data, fields, count)
            stream = _binary(width, height, channels, largest, samples)
            reason = _account_reason(data, account, fields, end, samples, largest)
        else:
            end = fields.end + count
            samples = np.frombuffer(data, np.uint8, count, fields.end)
            reason = _account_reason(data, account, fields, end, samples, largest)
    return Header(
        width=width,
        height=height,
        mode="1"
        if magic in _BILEVEL
        else "F"
        if magic in _FLOAT
        else _MODES.get(channels, f"{channels} channels"),
        bit_depth=largest.bit_length(),
        unmodelled=reason,
        damage=damage,
        carried=account.carried,
        account=account,
        stream=stream,
    )


def open_pnm(data: bytes) -> PIL.Image.Image:
    """The picture of a binary file that `pnm_header` has read; samples are stretched to 0..255."""
    fields = _pam_fields(data) if data[:2] == b"P7" else _fields(data, data[:2])
    width, height, channels, largest = fields.numbers
    samples = np.frombuffer(data, np.uint8, width * height * channels, fields.end)
    if largest != 255:
        stretched = [round(255 * value / largest) for value in range(largest + 1)]
        samples = np.array(stretched, np.uint8)[samples]
    return PIL.Image.frombytes(_MODES[channels], (width, height), samples.tobytes())


def _samples_reason(magic: bytes, largest: int) -> str | None:
    if magic in _BILEVEL:
        return "bilevel (1-bit) samples"
    if magic in _FLOAT:
        return "floating-point samples"
    return depth_reason(16) if largest > 255 else None


def _fields(data: bytes, magic: bytes) -> _Fields:
    """The header of all but P7: numbers between white space, and comments."""
    fields = _Fields(end=2)
    wanted = 2 if magic in _BILEVEL else 3
    tokens: list[bytes] = []
    for match in _TOKEN.finditer(data, 2):
        if match[0].startswith(b"#"):
            if match.start() == fields.end and tokens:
                fields.reason = "a comment inside a number"
            fields.comments.append(match.span())
            continue
        tokens.append(match[0])
        fields.largest_at, fields.end = match.span(), match.end()
        if len(tokens) == wanted:
            break
    if len(tokens) < wanted:
        raise SourceError("truncated PPM: the header is cut off")
    if magic in _FLOAT or magic in _BILEVEL:
        tokens[2:] = [b"1"]
    if not all(token.isdigit() and len(token) < 11 for token in tokens):
        raise SourceError(f"damaged PPM: the header says {b' '.join(tokens)[:40]!r}")
    width, height, largest = map(int, tokens)
    fields.numbers = [width, height, _CHANNELS.get(magic, 1), largest]
    fields.end += 0 if magic in _TEXT else 1
    return fields


def _pam_fields(data: bytes) -> _Fields:
    """The header of P7: a name and a value in each line."""
    fields, kinds = _Fields(), b""
    values: dict[bytes, int] = {}
    for match in _PAM_LINE.finditer(data, 2):
        name, _, value = match[1].partition(b" ")
        if match[1].startswith(b"#"):
            fields.comments.append(match.span(1))
        elif name == b"ENDHDR":
            fields.end = match.end()
            break
        elif name == b"TUPLTYPE":
            kinds += value.strip()
        elif name:
            if name not in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL") or name in values:
                fields.reason = f"a header line {name[:20]!r}"
            elif not value.strip().isdigit() or len(value) > 11:
                raise SourceError(f"damaged PPM: the header says {match[1][:40]!r}")
            else:
                values[name] = int(value)
                if name == b"MAXVAL":
                    fields.largest_at = match.span(1)
    if not fields.end or len(values) != 4:
        raise SourceError("truncated PPM: the header is cut off")
    fields.numbers = [values[name] for name in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")]
    if kinds.startswith(b"BLACKANDWHITE"):
        fields.reason = "bilevel (1-bit) samples"
    elif _TUPLES.get(kinds) != values[b"DEPTH"]:
        fields.reason = f"{values[b'DEPTH']} channels of the type {kinds[:20].decode('latin-1')!r}"
    return fields


def _text_samples(data: bytes, fields: _Fields, count: int) -> tuple[npt.NDArray[np.uint16], int]:
    """The numbers of a text format, and where the last one ends; comments among them are noted."""
    end = fields.end

    def numbers() -> Iterator[int]:
        nonlocal end
        for match in _TOKEN.finditer(data, fields.end):
            if match[0].startswith(b"#"):
                fields.comments.append(match.span())
                continue
            if not match[0].isdigit() or len(match[0]) > 5 or int(match[0]) > _DEEPEST:
                raise SourceError(f"damaged PPM: a sample {match[0][:20]!r}")
            end = match.end()
            yield int(match[0])

    try:
        return np.fromiter(numbers(), np.uint16, count), end
    except ValueError as error:
        raise SourceError(f"truncated PPM: fewer than {count:,} samples follow the header") from error


def _binary(width: int, height: int, channels: int, largest: int, samples: npt.NDArray[np.uint16]) -> bytes:
    head = b"P%d %d %d %d\n" % (5 if channels == 1 else 6, width, height, largest)
    return head + samples.astype(np.uint8).tobytes()


def _account_reason(
    data: bytes,
    account: Account,
    fields: _Fields,
    end: int,
    samples: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
    largest: int,
) -> str | None:
    """Claim every byte; returns why that cannot be done."""
    if int(samples.max()) > largest:
        return f"samples above the largest value, {largest}"
    if _NEXT_PICTURE.match(data, end):
        return "several pictures in one file"
    if largest != 255:
        start, stop = fields.largest_at
        account.carry(start, stop, "maxval", b"%d" % largest)
    for start, stop in fields.comments:
        if stop <= end:
            account.carry(start, stop, "comment", data[start + 1 : stop])
    is_line_end = data[:2] in _TEXT and data[end:].isspace()
    if not is_line_end:
        account.carry_trailer(data, end)
    for start, stop in account.gaps():
        account.layout(start, stop)
    return None
