"""Page headers: values are found in files of any page size, and bytes that are no pages are refused."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive.parquet_pages import read_pages, spans_in_dictionary, spans_in_pages

values_lists = st.lists(st.none() | st.binary(max_size=40), min_size=1, max_size=60)


def written(values: list[bytes | None], **options: object) -> tuple[bytes, range]:
    """A Parquet file of one uncompressed column, and where its pages are."""
    sink = pa.BufferOutputStream()
    table = pa.table({"value": pa.array(values, pa.binary())})
    pq.write_table(table, sink, compression="none", **options)
    data = sink.getvalue().to_pybytes()
    chunk = pq.read_metadata(pa.BufferReader(data)).row_group(0).column(0)
    start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    return data, range(start, start + chunk.total_compressed_size)


@given(values=values_lists, batch=st.integers(1, 9), statistics=st.booleans(), checksum=st.booleans())
@settings(max_examples=60)
def test_values_of_many_small_pages(
    values: list[bytes | None], batch: int, statistics: bool, checksum: bool
) -> None:
    data, chunk = written(
        values,
        use_dictionary=False,
        data_page_size=1,
        write_batch_size=batch,
        write_statistics=statistics,
        write_page_checksum=checksum,
    )
    assert sum(page.num_values for page in read_pages(data, chunk.start, chunk.stop)) == len(values)
    spans = list(spans_in_pages(data, chunk, values))
    assert [span and data[span[0] :][: span[1]] for span in spans] == values


@given(values=values_lists)
@settings(max_examples=60)
def test_values_of_a_dictionary(values: list[bytes | None]) -> None:
    data, chunk = written(values, use_dictionary=True)
    spans = list(spans_in_dictionary(data, chunk, values))
    assert [span and data[span[0] :][: span[1]] for span in spans] == values
    assert len({span for span in spans if span}) == len({value for value in values if value is not None})


def test_dictionary_where_plain_values_should_be_is_refused() -> None:
    data, chunk = written([b"a", b"b"], use_dictionary=True)
    with pytest.raises(ValueError, match="without dictionary"):
        list(spans_in_pages(data, chunk, [b"a", b"b"]))


def test_plain_values_where_a_dictionary_should_be_are_refused() -> None:
    data, chunk = written([b"a", b"b"], use_dictionary=False)
    with pytest.raises(ValueError, match="got one elsewhere"):
        list(spans_in_dictionary(data, chunk, [b"a", b"b"]))


def test_delta_encoding_is_refused() -> None:
    data, chunk = written(
        [b"a", b"b"], use_dictionary=False, column_encoding={"value": "DELTA_LENGTH_BYTE_ARRAY"}
    )
    with pytest.raises(ValueError, match="Expected PLAIN values"):
        list(spans_in_pages(data, chunk, [b"a", b"b"]))


def test_more_values_than_rows_are_refused() -> None:
    data, chunk = written([b"a", b"b"], use_dictionary=False)
    with pytest.raises(ValueError, match="got more"):
        list(spans_in_pages(data, chunk, [b"a", None]))


@given(data=st.binary(max_size=60) | st.binary(max_size=4).map(lambda head: head + b"\x1c" * 4000))
def test_bytes_that_are_no_pages_are_refused_or_end(data: bytes) -> None:
    try:
        ends = [page.end for page in read_pages(data, 0, len(data))]
    except ValueError:
        return
    assert ends == sorted(ends)
    assert all(end <= len(data) for end in ends)
