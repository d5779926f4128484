"""Every byte has one purpose, or the account does not add up."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.image.formats.accounting import Account
from pipeline.types import CarriedPart


@settings(max_examples=30)
@given(st.lists(st.integers(0, 99), unique=True), st.data())
def test_only_spans_that_tile_the_file_add_up(cuts: list[int], data: st.DataObject) -> None:
    edges = [0, *sorted(cuts), 100]
    spans = [span for span in pairwise(edges) if span[0] < span[1]]

    def account(claims: list[tuple[int, int]]) -> Account:
        one = Account(100)
        for start, end in claims:
            one.picture(start, end)
        return one

    shuffled = data.draw(st.permutations(spans))
    assert account(shuffled).shortfall() is None
    victim = data.draw(st.sampled_from(spans))
    without = account([span for span in shuffled if span != victim])
    assert without.gaps() == [victim]
    assert f"first of them is byte {victim[0]}" in (without.shortfall() or "")
    assert "overlap" in (account([*shuffled, victim]).shortfall() or "")


def test_parts_come_in_the_order_of_the_file() -> None:
    account = Account(10)
    account.carry_trailer(b"0123456789", 6)
    account.carry(0, 4, "COM", b"23")
    account.take_icc([(4, 5)], b"4")
    account.take_xmp(5, 6, b"5")
    assert account.carried == (
        CarriedPart(kind="COM", data=b"23"),
        CarriedPart(kind="trailer", data=b"6789"),
    )
    assert (account.shortfall(), account.icc, account.xmp, account.exif) == (None, b"4", b"5", None)
