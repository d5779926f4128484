"""`tenfold preview` as a person and a script see it."""

from __future__ import annotations

from pathlib import Path

from tests.support.image_archives import fill, flip
from tests.support.image_files import waves
from tests.support.road import tenfold
from tests.support.shard_rows import kept_row


def test_what_is_missing_is_made_and_told(tmp_path: Path) -> None:
    archive = Path(
        fill(str(tmp_path / "archive"), [kept_row("a.png", waves(1)), kept_row("b.bin", bytes(3000))])
    )
    ran = tenfold("preview", archive, "--workers", "0")
    assert ran.code == 0
    assert "1 image in which nothing can be seen." in ran.out
    assert ran.out.splitlines()[-1].startswith("1 preview made, in ")
    again = tenfold("preview", archive, "--workers", "0", "--json").json()
    assert (again["made"], again["images"], again["problems"]) == (0, 2, [])
    lines = tenfold("preview", archive, "--workers", "0").out.splitlines()
    assert lines[1:] == [
        "1 preview lies in albums.",
        "1 image in which nothing can be seen.",
        "None was to be made.",
    ]
    assert "0 in the shards; 1 album" in tenfold("info", archive).out

    (album,) = archive.glob("previews/*/*.parquet")
    flip(album, album.stat().st_size // 3)
    assert "`tenfold preview` makes it again" in tenfold("verify", archive, "--workers", "0").out
    assert "1 damaged album of previews made again." in tenfold("preview", archive, "--workers", "0").out

    album.unlink()
    (shard,) = archive.glob("shards/*/*.parquet")
    flip(shard, 500)
    ran = tenfold("preview", archive, "--workers", "0")
    assert ran.code == 3
    assert shard.name in ran.err


def test_there_must_be_an_archive(tmp_path: Path) -> None:
    assert tenfold("preview", tmp_path / "none").code == 10
