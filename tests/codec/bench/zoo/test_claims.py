"""A verdict follows from the rows, and from nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codec.bench.zoo.claims import Claim, answered, read_claims
from codec.errors import CodecConfigError
from tests.support.zoo_rows import row, sheet

SHEET = sheet(
    row("good", psnr_db=31.0, scores={"grain": 0.2}),
    row("bad", psnr_db=30.0),
    row("far", bpp=0.9, psnr_db=40.0),
)


def verdict(**bar: Any) -> tuple[str, str]:
    claim = Claim.model_validate({"sentence": "It is so.", "source": "here", "bars": [bar]})
    found = answered(claim, SHEET)
    return found.verdict, found.numbers[0]


@pytest.mark.parametrize(
    ("bar", "expected", "words"),
    [
        ({"measure": "psnr_db", "of": "good", "beats": "bad", "by": 1.0}, "held", "better by +1, bar +1"),
        ({"measure": "psnr_db", "of": "good", "beats": "bad", "by": 1.1}, "missed", "good 31, bad 30"),
        ({"measure": "grain", "of": "good", "beats": "bad"}, "held", "better by +0.3"),
        ({"measure": "grain", "of": "bad", "beats": "good", "by": -0.3}, "held", "better by -0.3, bar -0.3"),
        ({"measure": "grain", "of": "bad", "most": 0.4}, "missed", "bar: at most 0.4"),
        ({"measure": "psnr_db", "of": "bad", "least": 30.0, "at": 0.45}, "held", "at 0.5 bpp"),
        ({"measure": "psnr_db", "of": "far", "beats": "bad"}, "not answered", "far does not reach 0.5 bpp"),
        ({"measure": "psnr_db", "of": "bad", "beats": "far"}, "missed", "bad 30, far 40"),  # with more bytes
        ({"measure": "bpp", "of": "far", "most": 1.0}, "held", "far 0.9"),
        ({"measure": "psnr_db", "of": "gone", "beats": "bad"}, "not answered", "gone was not measured"),
        ({"measure": "LPIPS", "of": "good", "most": 1.0}, "not answered", "LPIPS was not measured"),
        ({"measure": "psnr_db", "of": "good", "least": 1.0, "at": 2.0}, "not answered", "near 2 bpp"),
    ],
)
def test_verdicts(bar: dict[str, Any], expected: str, words: str) -> None:
    found, numbers = verdict(**bar)
    assert found == expected
    assert words in numbers


def test_one_bar_that_is_missed_is_enough() -> None:
    bars = [
        {"measure": "psnr_db", "of": "good", "least": 90.0},
        {"measure": "psnr_db", "of": "gone", "least": 1.0},
    ]
    claim = Claim.model_validate({"sentence": "It is so.", "source": "here", "bars": bars})
    assert (answered(claim, SHEET).verdict, answered(claim, SHEET).rows) == ("missed", ("good", "gone"))


def test_the_claims_that_ship_can_be_read() -> None:
    assert len(read_claims()) > 1


@pytest.mark.parametrize(
    "text", ["- {sentence: a}", "- {sentence: a, source: b, bars: [{measure: x, of: y}]}", "3"]
)
def test_a_file_that_holds_no_claims_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "claims.yaml").write_text(text)
    with pytest.raises(CodecConfigError, match=r"expected a list of claims in .*claims\.yaml"):
        read_claims(tmp_path / "claims.yaml")
