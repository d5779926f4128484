"""`--effort` as a user meets it: what it costs is said first, rows say it, and a codec that cannot says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.road import tenfold


def test_effort_is_priced_spent_and_shown(tmp_path: Path, photos: Path) -> None:
    source, archive = tmp_path / "source", tmp_path / "a"
    source.mkdir()
    with Image.open(sorted(photos.glob("*.png"))[0]) as opened:
        opened.crop((200, 150, 328, 246)).save(source / "crop.png")
    arguments = (source, archive, "--workers", "0", "--quality", "20", "--effort", "1")
    planned = tenfold("compress", *arguments, "--dry-run")
    assert planned.code == 0, planned.err
    assert " s/MP of one core here, " in planned.out
    assert "With effort 1: about " in planned.out
    assert " core-seconds for 0.0123 MP." in planned.out
    ran = tenfold("compress", *arguments, "--json")
    assert ran.code == 0, ran.err
    assert "effort 1: about " in ran.err.partition("listing")[0]
    assert ran.json()["effort"] == 1
    assert "(hyper-1 q20 effort 1)" in tenfold("ls", archive).out


def test_a_codec_that_knows_no_effort_refuses_it_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "source" / "a.png")
    ran = tenfold("compress", tmp_path / "source", tmp_path / "a", "--codec", "ae-zfp-1", "--effort", "2")
    assert ran.code == 2
    assert "expected effort 0 with ae-zfp-1" in ran.err
    assert not (tmp_path / "a").exists()
