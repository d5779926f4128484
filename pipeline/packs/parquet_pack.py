"""A Parquet file as Hugging Face's `datasets` writes and reads images: `image{bytes, path}`, and a column a fact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.archive.schema import columns_of, schema_of
from pipeline.packs.member import MemberFacts, PackMember

_ROWS_PER_GROUP: Final = 100
"""The dataset viewer reads whole row groups, of images at most so many rows."""
_IMAGE: Final = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
_FACTS: Final = schema_of(MemberFacts)
_DTYPES: Final = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64"}
_FEATURES: Final = {"image": {"_type": "Image"}} | {
    field.name: {"dtype": _DTYPES[field.type], "_type": "Value"} for field in _FACTS
}
_SCHEMA: Final = pa.schema(
    [pa.field("image", _IMAGE), *_FACTS],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)
_COMPRESSION: Final = {"image.bytes": "NONE", "image.path": "ZSTD"} | dict.fromkeys(_FACTS.names, "ZSTD")
_OF_FEW_VALUES: Final = ["source_format", "status", "codec", "run"]


def parquet_pack(members: Sequence[PackMember]) -> bytes:
    """The Parquet file, with the features that `datasets` casts its columns to."""
    images = pa.array([{"bytes": one.data, "path": one.name} for one in members], _IMAGE)
    facts = columns_of([one.facts for one in members], _FACTS)
    packed = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_arrays([images, *facts], schema=_SCHEMA),
        packed,
        row_group_size=_ROWS_PER_GROUP,
        compression=_COMPRESSION,
        use_dictionary=_OF_FEW_VALUES,
        write_statistics=_FACTS.names,
        write_page_index=True,
    )
    return memoryview(packed.getvalue()).tobytes()
