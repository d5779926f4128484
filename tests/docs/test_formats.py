"""The page of the archive's format names every column that is written, and which of them are never null."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa

from pipeline.archive.schema import CATALOGUE_SCHEMA, SHARD_SCHEMA
from tests.docs.markdown import ROOT

_PAGE: Final = (ROOT / "docs" / "formats" / "archive.md").read_text(encoding="utf-8")
_NOT_IN_THE_CATALOGUE: Final = {"payload", "exif", "icc", "xmp", "alpha", "carried", "preview"}


def columns_below(heading: str) -> dict[str, bool]:
    """Names in the first column of the tables of a section, and whether they are said to be required."""
    section = _PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return {name: "required" in row[2] for row in rows for name in re.findall(r"`(\w+)`", row[1])}


def required_of(schema: pa.Schema) -> dict[str, bool]:
    """Columns and whether they may not be null."""
    return {field.name: not field.nullable for field in schema}


def test_the_columns_of_shards() -> None:
    assert columns_below("Shards") == required_of(SHARD_SCHEMA)


def test_the_columns_of_the_catalogue() -> None:
    required = {
        name: must for name, must in columns_below("Shards").items() if name not in _NOT_IN_THE_CATALOGUE
    }
    assert required | columns_below("Catalogue") == required_of(CATALOGUE_SCHEMA)
