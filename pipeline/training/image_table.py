"""Encoded images in a Parquet column, as Hugging Face writes data sets: `struct<bytes, path>`, or plain binary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from codec.training.image_files import ImageFile, ReadImage
from pipeline.errors import SourceError

_BATCH_ROWS: Final = 16


class ImageTable:
    """One Parquet file, opened."""

    def __init__(self, file: BinaryIO, where: str, *, column: str | None = None) -> None:
        """Look at its columns.

        Raises:
            SourceError: not Parquet, or `column` is not there or cannot hold images.
        """
        self._where = where
        try:
            self._file = pq.ParquetFile(file)
        except pa.ArrowException as error:
            raise SourceError(f"Expected a Parquet file at {where}, got: {error}; write it again.") from error
        self.columns: list[str] = self._file.schema_arrow.names
        self.candidates: list[str] = [
            field.name for field in self._file.schema_arrow if _holds_bytes(field.type)
        ]
        if column is not None and column not in self.candidates:
            raise SourceError(
                f"Expected column {column!r} of images (binary, or a struct with `bytes`) in {where}, got "
                f"{', '.join(self.candidates) or 'none such'}; correct `data.column`."
            )
        self._column = column

    def images(self, *, seed: int) -> Iterator[ImageFile | ReadImage]:
        """Every image, row groups in random order.

        Raises:
            SourceError: several columns may be the images', or none.
        """
        column = self._column or self._only_candidate()
        groups = np.random.default_rng(seed).permutation(self._file.num_row_groups).tolist()
        for group in groups:
            row = 0
            for batch in self._file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=[column]):
                for value in batch.column(0).to_pylist():
                    data = value.get("bytes") if isinstance(value, dict) else value
                    name = f"{self._where}/{group}.{row}"
                    row += 1
                    if data is None:
                        yield ReadImage(name=name, content="without bytes")
                    else:
                        yield ImageFile(name=name, read=lambda data=data: data)  # type: ignore[misc]

    def _only_candidate(self) -> str:
        if len(self.candidates) != 1:
            raise SourceError(
                f"Expected one column of images (binary, or a struct with `bytes`) in {self._where}, got "
                f"{', '.join(self.candidates) or 'none'}; name it in `data.column` of the config."
            )
        return self.candidates[0]


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        place = kind.get_field_index("bytes")
        return place >= 0 and _is_binary(kind.field(place).type)
    return _is_binary(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
