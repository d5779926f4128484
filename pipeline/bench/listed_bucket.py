"""A bucket that exists as a listing only: to plan a run over a million objects, nobody need upload one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final
from xml.sax.saxutils import escape

from pipeline.bench.photographs import Photographs

LISTED_BUCKET: Final = "tenfold-bench-listed"
_PAGE: Final = 1000
_LAST: Final = chr(0x10FFFF)
"""Behind a prefix: later than every name that begins with it."""


def listed_url(count: int) -> str:
    """The URL below which so many photographs are listed."""
    return f"s3://{LISTED_BUCKET}/{count}"


def list_objects(query: Mapping[str, str]) -> str:
    """The answer of S3 to a ListObjectsV2 of names below `COUNT/`, as `listed_url` has them."""
    prefix = query.get("prefix", "")
    root, _, below = prefix.partition("/")
    limit = min(int(query.get("max-keys", _PAGE)), _PAGE)
    after = query.get("continuation-token") or query.get("start-after", "").removeprefix(f"{root}/")
    entries = list(islice(_entries(root, below, query.get("delimiter", ""), after), limit + 1))
    shown, is_cut = entries[:limit], len(entries) > limit
    body = "".join(
        [
            f"<Name>{LISTED_BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>",
            f"<KeyCount>{len(shown)}</KeyCount><MaxKeys>{limit}</MaxKeys>",
            f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>",
            f"<NextContinuationToken>{shown[-1].last}</NextContinuationToken>" if is_cut else "",
            *(entry.xml for entry in shown),
        ]
    )
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    return f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="{namespace}">{body}</ListBucketResult>'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    last: str
    """Names after this one are not part of it."""
    xml: str


def _entries(root: str, below: str, delimiter: str, after: str) -> Iterator[_Entry]:
    photographs = Photographs(int(root) if root.isdecimal() else 0)
    numbers = photographs.below(below, after=after)
    at = numbers.start
    while at < numbers.stop:
        name = photographs[at]
        folder, found, _ = name[len(below) :].partition(delimiter) if delimiter else ("", "", "")
        if found:
            folder = f"{below}{folder}{delimiter}"
            xml = f"<CommonPrefixes><Prefix>{root}/{folder}</Prefix></CommonPrefixes>"
            yield _Entry(last=folder + _LAST, xml=xml)
            at = photographs.below(folder).stop
        else:
            yield _Entry(last=name, xml=_object(f"{root}/{name}", photographs, at))
            at += 1


def _object(key: str, photographs: Photographs, number: int) -> str:
    facts = photographs.facts(number)
    return (
        f"<Contents><Key>{key}</Key><Size>{facts.size}</Size><ETag>&quot;{facts.etag}&quot;</ETag>"
        f"<LastModified>{facts.mtime:%Y-%m-%dT%H:%M:%S}.000Z</LastModified>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )
