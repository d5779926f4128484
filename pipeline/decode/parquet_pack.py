"""A Parquet file as Hugging Face's `datasets` writes and reads images: `image{bytes, path}`, and a column a fact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.decode.pack_member import PackMember

_ROWS_PER_GROUP: Final = 100
"""The dataset viewer reads whole row groups, of images at most so many rows."""
_IMAGE: Final = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_FACTS: Final[dict[str, pa.DataType]] = {
    "key": pa.string(),
    "width": pa.int64(),
    "height": pa.int64(),
    "source_url": pa.string(),
    "source_size": pa.int64(),
    "source_sha256": pa.string(),
    "source_format": pa.string(),
    "status": pa.string(),
    "codec": pa.string(),
    "quality": pa.int64(),
    "bpp": pa.float64(),
    "psnr_db": pa.float64(),
    "run": pa.string(),
}
_FEATURE_TYPES: Final = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64"}
_FEATURES: Final = {"image": {"_type": "Image"}} | {
    name: {"dtype": _FEATURE_TYPES[kind], "_type": "Value"} for name, kind in _FACTS.items()
}
_SCHEMA: Final = pa.schema(
    [("image", _IMAGE), *_FACTS.items()],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


def parquet_pack(members: Sequence[PackMember]) -> bytes:
    """The Parquet file, with the features that `datasets` casts its columns to."""
    images = [{"bytes": member.data, "path": member.name} for member in members]
    facts = [pa.array([member.facts[name] for member in members], kind) for name, kind in _FACTS.items()]
    table = pa.Table.from_arrays([pa.array(images, _IMAGE), *facts], schema=_SCHEMA)
    packed = pa.BufferOutputStream()
    pq.write_table(
        table,
        packed,
        row_group_size=_ROWS_PER_GROUP,
        compression={name: "NONE" if name.startswith("image.") else "ZSTD" for name in _leaves()},
        use_dictionary=["source_format", "status", "codec", "run"],
        write_statistics=list(_FACTS),
        write_page_index=True,
    )
    return bytes(memoryview(packed.getvalue()))


def _leaves() -> list[str]:
    return ["image.bytes", "image.path", *_FACTS]
