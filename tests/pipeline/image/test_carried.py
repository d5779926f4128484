"""What a file holds beside its pixels: any parts come back as they were, and nothing else passes for them."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DamagedError
from pipeline.image.carried import pack_carried, unpack_carried
from pipeline.types import CarriedPart

PARTS = st.lists(st.builds(CarriedPart, kind=st.text(max_size=20), data=st.binary(max_size=300)), min_size=1)


@given(PARTS)
def test_parts_come_back(parts: list[CarriedPart]) -> None:
    blob = pack_carried(parts)
    assert unpack_carried(blob) == tuple(parts)
    assert blob == pack_carried(parts)


def test_nothing_is_nothing() -> None:
    assert pack_carried(()) is None
    assert unpack_carried(None) == ()


@pytest.mark.parametrize(
    "blob",
    [b"", b"no frame", zstandard.compress(b"short"), zstandard.compress(b"\x01\x00" + bytes(7) + b"\x7fk")],
    ids=["empty", "no-frame", "cut-in-the-lengths", "runs-past-the-end"],
)
def test_anything_else_is_damaged(blob: bytes) -> None:
    with pytest.raises(DamagedError, match=r"Expected (the )?carried metadata"):
        unpack_carried(blob)
