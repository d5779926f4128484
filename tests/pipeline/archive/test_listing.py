"""Pages of a listing: every image that meets the filter once, in order, whatever the limits and the budget."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.archive import listing
from pipeline.archive.filters import parse_filter
from pipeline.archive.keyed_rows import sorted_by_key
from pipeline.archive.listing import ORDERS, Listing, Order
from pipeline.archive.narrow_columns import narrowed
from pipeline.archive.schema import rows_of
from pipeline.archive.sorted_rows import SortedRows
from pipeline.errors import ConfigError
from pipeline.types import CatalogueRow, ShardRow
from tests.support.catalogues import table_of
from tests.support.shard_rows import MOMENT, kept_row, make_row

_VALUES: dict[str, Callable[[CatalogueRow], float | None]] = {
    "key": lambda row: 0,
    "worst": lambda row: row.psnr_db,
    "largest": lambda row: row.payload_length and -row.payload_length,
    "bits": lambda row: row.bpp and -row.bpp,
    "newest": lambda row: -row.encoded_at.timestamp(),
}
FILTERS: dict[str, Callable[[CatalogueRow], bool]] = {
    "": lambda row: True,
    "a/": lambda row: row.key.startswith("a/"),
    "-a/": lambda row: not row.key.startswith("a/"),
    "psnr<31 status:coded": lambda row: (
        row.psnr_db is not None and row.psnr_db < 31 and row.status == "coded"
    ),
}


def listing_of(*rows: ShardRow) -> tuple[Listing, list[CatalogueRow]]:
    table = sorted_by_key(table_of(*rows))
    parts = table.to_batches(max_chunksize=3)
    return Listing(SortedRows(map(narrowed, parts))), rows_of(table, CatalogueRow)


def image(key: str, number: int) -> ShardRow:
    if number % 5 == 0:
        return kept_row(key, b"x" * number, psnr_db=None, bpp=None)
    return make_row(
        key,
        b"x" * (number % 4),
        psnr_db=28.0 + number % 7,
        bpp=number % 3 / 2,
        encoded_at=MOMENT + timedelta(number % 6),
    )


@settings(max_examples=5, deadline=None)
@given(
    st.sets(st.text("ab/é", min_size=1, max_size=4), min_size=1, max_size=20),
    st.integers(1, 9),
    st.integers(1, 12),
)
def test_walking_gives_every_image_once_in_order(keys: set[str], limit: int, budget: int) -> None:
    listed, rows = listing_of(*[image(key, number) for number, key in enumerate(sorted(keys))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "MOST_LOOKED_AT", budget)
        patch.setattr(listing, "MOST_COUNTED", budget)
        patch.setattr(listing, "_FIRST_LOOK", 2)
        for text, meets in FILTERS.items():
            for order in ORDERS.values():
                wanted = sorted(filter(meets, rows), key=lambda row: (*_last_if_none(row, order), row.key))
                assert [rows[at].key for at in walked(listed, text, order, limit, budget)] == [
                    row.key for row in wanted
                ]
            assert counted(listed, text) == sum(map(meets, rows))


def _last_if_none(row: CatalogueRow, order: Order) -> tuple[bool, float]:
    value = _VALUES[order.name](row)
    return value is None, value or 0


def walked(listed: Listing, text: str, order: Order, limit: int, budget: int) -> list[int]:
    """Positions of all pages."""
    found: list[int] = []
    after = None
    while True:
        page = listed.page(parse_filter(text), order, after=after, limit=limit)
        assert len(page.positions) <= limit
        assert page.rank is not None or page.looked_at <= budget
        assert page.rank in (None, len(found))
        found += page.positions.tolist()
        after = page.after
        if after is None:
            return found


def counted(listed: Listing, text: str) -> int:
    images, after = 0, None
    while True:
        count = listed.count(parse_filter(text), after=after)
        images, after = images + count.images, count.after
        if after is None:
            return images


def test_a_place_is_found_again_in_another_version() -> None:
    before, _ = listing_of(*[image(f"{number:02d}", number) for number in range(1, 12)])
    now, rows = listing_of(*[image(f"{number:02d}", number) for number in range(1, 12) if number != 7])
    for order in ORDERS.values():
        for limit in range(1, 11):
            first = before.page(parse_filter(""), order, limit=limit)
            rest = now.page(parse_filter(""), order, after=first.after, limit=20)
            keys = {f"{at + 1:02d}" for at in first.positions} | {rows[at].key for at in rest.positions}
            assert keys | {"07"} == {f"{number:02d}" for number in range(1, 12)}
    assert [now.rank(row.key, ORDERS["key"]) for row in rows] == list(range(10))
    worst = now.page(parse_filter(""), ORDERS["worst"], limit=20).positions.tolist()
    assert [now.rank(rows[at].key, ORDERS["worst"]) for at in worst] == list(range(10))


def test_what_no_page_gave_is_refused() -> None:
    listed, _ = listing_of(image("a", 1))
    with pytest.raises(ConfigError, match="in order worst gave as `next`, got 'a'"):
        listed.page(parse_filter(""), ORDERS["worst"], after="a", limit=1)
    with pytest.raises(ConfigError, match="Expected no `start` with a filter"):
        listed.page(parse_filter("beach"), start=1, limit=1)
