"""`tenfold ls`: what is in an archive, sorted, cut and counted as asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.catalogues import opened, table_of
from tests.support.road import tenfold
from tests.support.shard_rows import make_row


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    rows = [
        make_row("sea/1.jpg", psnr_db=31.0),
        make_row("sea/2.jpg", psnr_db=29.0),
        make_row("a.jpg", psnr_db=33.0),
        make_row("b.jpg", psnr_db=29.0),
        make_row("c.jpg", None, reason="empty", psnr_db=None),
    ]
    opened(folder).commit(table_of(*rows), run="run-1")
    return folder


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ((), ["a.jpg", "b.jpg", "c.jpg", "sea/1.jpg", "sea/2.jpg"]),
        (("--limit", "2"), ["a.jpg", "b.jpg"]),
        (("--glob", "sea/*", "--limit", "1"), ["sea/1.jpg"]),
        (("--status", "failed"), ["c.jpg"]),
        (("--sort", "psnr_db"), ["b.jpg", "sea/2.jpg", "sea/1.jpg", "a.jpg", "c.jpg"]),
        (("--sort", "psnr_db", "--limit", "2"), ["b.jpg", "sea/2.jpg"]),
        (("--sort", "psnr_db", "--reverse", "--limit", "1"), ["a.jpg"]),
        (("--sort", "psnr_db", "--reverse"), ["a.jpg", "sea/1.jpg", "b.jpg", "sea/2.jpg", "c.jpg"]),
        (("--sort", "key", "--glob", "sea/*", "--reverse"), ["sea/2.jpg", "sea/1.jpg"]),
        (("--damaged",), []),
        (("--sort", "bpp", "--damaged"), []),
    ],
    ids=str,
)
def test_it_is_sorted_and_cut_as_asked(archive: Path, words: tuple[str, ...], keys: list[str]) -> None:
    assert [row["key"] for row in tenfold("ls", archive, "--json", *words).json()] == keys
    lines = tenfold("ls", archive, "--json-lines", *words).out.splitlines()
    assert [json.loads(line)["key"] for line in lines] == keys
    said = tenfold("ls", archive, *words)
    assert [line.split("  (")[0].split()[-1] for line in said.out.splitlines()] == keys
    assert f"{len(keys)} image" in said.err


def test_long_lines_have_a_header(archive: Path) -> None:
    header, line = tenfold("ls", archive, "--long", "--limit", "1").out.splitlines()
    assert header.split()[:5] == ["status", "size", "stored", "rate", "PSNR"]
    assert line.index("run-1") + len("run-1") == header.index("run") + len("run")


@pytest.mark.parametrize(
    "words", [("--sort", "colour"), ("--reverse",), ("--json", "--json-lines"), ("--limit", "0")], ids=str
)
def test_what_cannot_be_asked_is_wrong_usage(archive: Path, words: tuple[str, ...]) -> None:
    assert tenfold("ls", archive, *words).code == 2
