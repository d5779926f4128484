"""How a verb is watched: bars, lines, objects or nothing on stderr, and metrics beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.support.road import tenfold


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for number, colour in enumerate(("teal", "plum")):
        Image.new("RGB", (24, 16), colour).save(folder / f"{number}.png")
    return folder


def test_everything_on_stderr_is_json_where_that_is_asked_for(source: Path, tmp_path: Path) -> None:
    metrics = tmp_path / "tenfold.prom"
    words = ("compress", source, tmp_path / "archive", "--lossless", "--json", "--metrics", metrics)
    ran = tenfold(*words, "--log-json")
    said = [json.loads(line) for line in ran.err.splitlines()]
    events = [one["event"] for one in said]
    assert events[:3] == ["run_began", "phase_began", "codec_loaded"]
    assert events[-2:] == ["run_ended", "progress"]
    assert "images_committed" in events
    assert {one["level"] for one in said} == {"info"}
    assert all(one["time"].endswith("Z") for one in said)
    assert said[-1]["finished"] == ran.json()["images"] == 2
    assert 'status="lossless"' in metrics.read_text()
    refused = tenfold("verify", tmp_path / "none", "--progress", "json")
    last = json.loads(refused.err.splitlines()[-1])
    assert (last["level"], last["event"], refused.code) == ("error", "message", 10)


@pytest.mark.parametrize(("style", "shown"), [("none", False), ("plain", True), ("rich", True)])
def test_progress_is_told_as_asked(style: str, shown: bool, source: Path, tmp_path: Path) -> None:
    ran = tenfold("compress", source, tmp_path / "archive", "--lossless", "--progress", style)
    assert ran.code == 0
    assert ("encoded" in ran.err) is shown
    assert "2 images" in ran.out
