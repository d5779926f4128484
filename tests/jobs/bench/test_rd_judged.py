"""`tenfold bench rd --judge-at`: our codec and others at equal bytes, before the judges that are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from codec.bench.baselines import BASELINES
from codec.bench.judges.blockiness import BLOCKINESS
from codec.bench.measure import RatePoint
from codec.bench.rd_markdown import to_markdown
from codec.bench.rd_report import Line, RdReport, to_json
from codec.contract import FAITHFUL, RGB, Decoder, Latents
from codec.perception.packaged import PackagedWeights
from jobs.bench.rd_judged import judge_at
from tests.support.block_codec import block_codec
from tests.support.photographs import picture


@dataclass
class Shown:
    """As `BenchImage`."""

    key: str = "a.png"
    digest: str = "0" * 64

    def pixels(self) -> RGB:
        return picture(96, 128)


class Negative(Decoder):
    """Shows what is dark bright."""

    generates = True

    def synthesise(self, latents: Sequence[Latents]) -> list[RGB]:
        return [255 - pixels for pixels in block_codec().decoders[FAITHFUL].synthesise(latents)]


def test_judges_see_all_at_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = PackagedWeights(package="seeing==1.2", path="no_such_package/weights.pt", sha256="")
    judges = (BLOCKINESS, replace(BLOCKINESS, name="LPIPS (AlexNet)", missing=gone.missing))
    monkeypatch.setattr("jobs.bench.rd_judged.main_judges", lambda: judges)
    monkeypatch.setattr("jobs.bench.rd_judged.judges_trained_on", lambda codec: frozenset({"blockiness"}))
    jpeg = next(one for one in BASELINES if one.id == "jpeg_420")
    codec = block_codec()
    codec.decoders = {**codec.decoders, "negative": Negative()}
    sheet = judge_at(
        (2.0,),
        [Shown()],  # type: ignore[list-item]
        codec,
        [jpeg],
        tmp_path,
        circumstances={"date": "today"},
        decoder="negative",
    )
    ours, otherwise, theirs = sheet.rows
    assert (otherwise.entrant.id, otherwise.bpp) == (f"{codec.id}@negative", ours.bpp)
    assert otherwise.psnr_db < ours.psnr_db - 10.0
    assert ours.bpp == pytest.approx(theirs.bpp, rel=0.06)
    assert theirs.scores["blockiness"] > 1
    point = RatePoint(quality=1, images=1, bpp=1.0, ratio=24.0, psnr_db=30.0, ms_ssim=None)
    report = RdReport(
        circumstances={"date": "today", "machine": "this one", "commit": None},
        images=1,
        megapixels=0.01,
        skipped={},
        ours=Line(id=codec.id, title="Blocks", settings="", library="", points=[point]),
        others=[],
        left_out={},
        judged=sheet,
    )
    page = to_markdown(report)
    assert "### 2 bpp" in page
    row, other = [line for line in page.split("### 2 bpp")[1].splitlines() if line.startswith("| Tenfold ")]
    assert row.count("*") == 1  # its training was held against blockiness
    assert "negative" in other
    assert (
        "LPIPS (AlexNet) is left out: seeing==1.2 is not installed: pip install --no-deps seeing==1.2."
        in page
    )
    assert [row["entrant"] for row in to_json(report)["judged"]["rows"]] == [
        codec.id,
        f"{codec.id}@negative",
        "jpeg_420",
    ]
    assert "other judges were not asked" in to_markdown(replace(report, judged=None))
