"""Names of decoders: what a strength behind them may be, and what is said where it cannot."""

from __future__ import annotations

from typing import Final

import pytest

from codec.decoder_name import NamedDecoders, name_in_files, strength_of
from codec.errors import CodecConfigError
from codec.registry import check_decoder
from tests.support.plain_codec import NegativeDecoder

NO_STRENGTHS: Final = ("0", "0.0", "0.00", "1", "1.0", "1.5", "-0.5", "0.5x", "", "0.123", "half", "0.5:0.5")


def test_a_name_says_how_much_is_drawn() -> None:
    assert (strength_of("realistic"), strength_of("realistic:0.5"), strength_of("realistic:0.05")) == (
        1.0,
        0.5,
        0.05,
    )
    assert name_in_files("realistic:0.5") == name_in_files("realistic") == "realistic"
    other = check_decoder("realistic:0.25")
    assert other is not None
    assert (other.name, other.generates) == ("realistic:0.25", True)


@pytest.mark.parametrize("said", NO_STRENGTHS)
def test_what_is_no_strength_is_refused(said: str) -> None:
    with pytest.raises(CodecConfigError, match=r"from 0\.01 to 0\.99"):
        check_decoder(f"realistic:{said}")


@pytest.mark.parametrize("name", ["consistent:0.5", "faithful:0.5", "no-such:0.5"])
def test_what_is_not_had_in_part_is_refused(name: str) -> None:
    with pytest.raises(CodecConfigError, match=f"got '{name}'"):
        check_decoder(name)
    decoders = NamedDecoders({name_in_files(name): NegativeDecoder(b"")})
    assert name not in decoders
    assert name_in_files(name) in decoders
