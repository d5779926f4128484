"""`--importance` and `--words` as a user meets them: files beside the images, missing and broken ones; the automatic
map, targets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec import families as families_package
from tenfold import Archive
from tests.support.photographs import picture
from tests.support.road import tenfold

COLUMNS = ["key", "importance", "quality", "psnr_db"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four pictures, one of them twice; maps of two, of which one is broken."""
    folder, maps = tmp_path / "source", tmp_path / "maps" / "sub"
    (folder / "sub").mkdir(parents=True)
    maps.mkdir(parents=True)
    for name in ("left", "twin", "none", "broken"):
        seed = {"left": 1, "twin": 1}.get(name, 2)
        Image.fromarray(picture(64, 130, seed=seed)).save(folder / "sub" / f"{name}.png")
    grey = np.full((10, 20), 128, np.uint8)
    grey[:, :10] = 255
    Image.fromarray(grey).save(maps / "left.png")
    Image.fromarray(np.stack([255 - grey] * 3, 2)).save(maps / "twin.png")
    (maps / "broken.png").write_bytes(b"no picture")
    return folder


def test_maps_steer_their_images_and_a_missing_one_is_told(tmp_path: Path, source: Path) -> None:
    arguments = (source, tmp_path / "a", "--workers", "0", "--quality", "12")
    ran = tenfold("compress", *arguments, "--importance", f"{tmp_path}/maps/{{stem}}.png", "--json")
    assert ran.code == 0, ran.err
    assert ran.json()["unmapped"] == 2
    assert "2 images without an importance map, or with a broken one, encoded as usual" in ran.err
    archive = Archive(str(tmp_path / "a"))
    rows = {row["key"]: row for row in archive.table(COLUMNS).to_pylist()}
    told_of = {key: row["importance"] for key, row in rows.items()}
    assert told_of["sub/left.png"] == told_of["sub/twin.png"] == "map"
    assert told_of["sub/none.png"] == "missing"
    assert told_of["sub/broken.png"].startswith("broken: sub/broken.png: ")
    listed = tenfold("ls", tmp_path / "a").out
    assert "(hyper-1 q12 importance map)" in listed
    assert "(hyper-1 q12 importance missing)" in listed
    original = picture(64, 130, seed=1).astype(float)
    most, least = (
        np.square(np.asarray(archive.get(f"sub/{name}.png")) - original)[:, :64].mean()
        for name in ("left", "twin")
    )
    assert most < 0.6 * least, "equal files with maps of their own"
    assert tenfold("verify", tmp_path / "a").code == 0


def test_targets_and_floors_count_the_whole_picture(tmp_path: Path, source: Path) -> None:
    asked = (
        source,
        tmp_path / "a",
        "--workers",
        "0",
        "--importance",
        "auto",
        "--bpp",
        "1.5",
        "--min-psnr",
        "33",
    )
    ran = tenfold("compress", *asked, "--json")
    assert ran.code == 0, ran.err
    rows = Archive(str(tmp_path / "a")).table([*COLUMNS, "status"]).to_pylist()
    coded = [row for row in rows if row["status"] == "coded"]
    assert {row["importance"] for row in coded} == {"auto"}
    assert all(row["psnr_db"] >= 33 for row in coded)
    assert ran.json()["target_met"] or ran.json()["reached_bpp"] > 1.5, "a floor beats a target"


def test_words_are_told_and_a_broken_text_is(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worded = Path(__file__).parents[1] / "support" / "families"
    monkeypatch.setattr(families_package, "__path__", [*families_package.__path__, str(worded)])
    texts = tmp_path / "texts" / "sub"
    texts.mkdir(parents=True)
    (texts / "left.txt").write_bytes("\ufeffein Bild voller Bäume\n".encode())
    (texts / "twin.txt").write_text(" ".join(["and"] * 20))
    (texts / "broken.txt").write_bytes("Bäume".encode("latin-1"))
    for name, text in (("long", "word " * 300), ("empty", " \n")):
        Image.fromarray(picture(64, 130, seed=len(name))).save(source / "sub" / f"{name}.png")
        (texts / f"{name}.txt").write_text(text)
    arguments = ("--codec", "worded-1", "--words", f"{tmp_path}/texts/{{stem}}.txt", "--quality", "12")
    ran = tenfold("compress", source, tmp_path / "a", "--workers", "0", *arguments, "--json")
    assert ran.code == 0, ran.err
    assert ran.json()["wordless"] == 4
    assert "4 images without a text, or with a broken one, encoded as without words" in ran.err
    rows = Archive(str(tmp_path / "a")).table(["key", "words", "bpp"]).to_pylist()
    told_of = {row["key"][4:-4]: row["words"] for row in rows}
    assert told_of["left"] == told_of["twin"] == "text"
    assert told_of["none"] == "missing"
    assert told_of["broken"].startswith("broken: sub/broken.txt: expected text in UTF-8, got ")
    assert "expected words of up to 1,024 bytes in UTF-8, got 1,499" in told_of["long"]
    assert "expected words, got none" in told_of["empty"]
    taken = {row["key"][4:-4]: row["bpp"] for row in rows}
    assert taken["left"] < taken["twin"], "equal files with words of their own"
    assert "(worded-1 q12 words missing)" in tenfold("ls", tmp_path / "a").out
    assert tenfold("verify", tmp_path / "a").code == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ("--importance", "maps/grey.png"),
            "expected auto, or a path or URL of maps with {key} or {stem} in it",
        ),
        (("--importance", "auto", "--codec", "ae-zfp-1"), "expected no importance with ae-zfp-1"),
        (("--words", "{key}.txt", "--codec", "ae-zfp-1"), "expected no words with ae-zfp-1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    tmp_path: Path, source: Path, given: tuple[str, ...], message: str
) -> None:
    ran = tenfold("compress", source, tmp_path / "a", *given)
    assert ran.code == 2
    assert message in ran.err
    assert not (tmp_path / "a").exists()
