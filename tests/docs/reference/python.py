"""docs/reference/python.md, from the docstrings of what `tenfold` gives, and of what that returns."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from pipeline.archive.versions import parse_as_of
from pipeline.datasets.archive_dataset import ArchiveDataset
from pipeline.datasets.archive_stream import ArchiveStream
from pipeline.decode.archive import Archive
from pipeline.decode.deliver import Delivery
from pipeline.files.filesystem import ArchiveFileSystem
from pipeline.store.options import StorageOptions
from pipeline.types import CatalogueRow, Image, ShardRow
from tests.docs.reference.docstrings import as_markdown, below_names
from tests.docs.reference.tables import page, table

_RETURNED = (Image, Delivery)
_ROWS = ((CatalogueRow, "catalogue"), (ShardRow, "shards"))
"""Rows, and the heading of the formats page that describes their columns."""
_SPECIAL = ("__iter__", "__len__", "__contains__")


def python_page() -> str:
    """The text of python.md."""
    from pipeline.datasets.ray_source import read_archive  # Ray Data: seconds, and others only list the pages

    lines = [
        "```python",
        "from tenfold import Archive, ArchiveDataset, ArchiveFileSystem, ArchiveStream, read_archive",
        "```",
        "",
    ]
    for kind in (Archive, ArchiveDataset, ArchiveStream):
        lines += _class(kind)
    lines += [
        *_made(ArchiveFileSystem),
        "It has the methods of every filesystem of fsspec that reads: [files](../guide/files.md).",
        "",
        *_function(read_archive),
        *_function(parse_as_of),
        f"In `tenfold.{parse_as_of.__module__}`.",
        "",
    ]
    lines += ["## StorageOptions", "", *as_markdown(StorageOptions.__doc__)]
    lines += [f"In `tenfold.{StorageOptions.__module__}`.", ""]
    lines += ["Its keys are those of the section `storage` in [config.md](config.md).", ""]
    for returned in _RETURNED:
        lines += [f"## {returned.__name__}", "", *as_markdown(returned.__doc__), *_fields(returned), ""]
    for row_type, heading in _ROWS:
        lines += [f"## {row_type.__name__}", "", *as_markdown(row_type.__doc__)]
        lines += [f"Its fields are the [columns](../formats/archive.md#{heading}).", ""]
    return page(
        "Python",
        "`Archive` opens an archive; others give it to training loops ([datasets](../guide/datasets.md)) and to what "
        "reads files ([files](../guide/files.md)). What they raise is in [errors.md](errors.md). Names below "
        "`tenfold.codec`, `tenfold.pipeline` and `tenfold.jobs` that are not on this page may change with any release.",
        lines,
    )


def _function(function: Any) -> Iterator[str]:
    name = function.__name__
    yield from [f"## {name}", "", f"    {_signature(name, function)}", ""]
    yield from as_markdown(function.__doc__)


def _made(kind: type) -> Iterator[str]:
    """What a class is, and how an instance is made."""
    begin = vars(kind)["__init__"]
    yield from [
        f"## {kind.__name__}",
        "",
        f"    {_signature(kind.__name__, begin, skip_self=True)}",
        "",
    ]
    yield from as_markdown(kind.__doc__)
    yield from as_markdown(begin.__doc__)


def _class(kind: type) -> Iterator[str]:
    yield from _made(kind)
    for name, member in vars(kind).items():
        method = member.fget if isinstance(member, property) else member
        if inspect.isfunction(method) and not name.startswith("_"):
            call = _signature(name, method, skip_self=True)
            shown = call.replace("()", "", 1) if isinstance(member, property) else call
            yield from [f"### {kind.__name__}.{name}", "", f"    {shown}", ""]
            yield from as_markdown(method.__doc__)
    if all(name in vars(kind) for name in _SPECIAL):
        yield from ["`for key in archive`, `len(archive)` and `key in archive` do what they say.", ""]


def _signature(name: str, function: Any, *, skip_self: bool = False) -> str:
    """A call with its types, as written in the source."""
    signature = inspect.signature(function)
    words = []
    for parameter in list(signature.parameters.values())[1 if skip_self else 0 :]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        words.append(f"{parameter.name}: {parameter.annotation}" + _default(parameter))
    returns = "" if signature.return_annotation in ("None", None) else f" -> {signature.return_annotation}"
    return f"{name}({', '.join(words)}){returns}"


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return ""
    default = parameter.default
    return f" = {type(default).__name__}()" if isinstance(default, StorageOptions) else f" = {default!r}"


def _fields(kind: Any) -> list[str]:
    words = below_names(kind)
    rows = [
        (f"`{field.name}`", f"`{field.type}`", words.get(field.name, ""))
        for field in dataclasses.fields(kind)
    ]
    return table(("field", "type", "what it is"), rows)
