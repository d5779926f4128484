"""`tenfold bench rd` and `bench speed` from the command line to the files they leave."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from codec.bench.kodak import published_curves
from codec.contract import DEFAULT_CODEC
from jobs.bench import rd_run as bench_rd_run
from tests.support.road import Ran, tenfold

QUICK = ("--against", "jpeg_420,webp_m6", "--qualities", "4,24,40,56")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Small images on machines that do other things too: threads that wait for each other cost more than they
    give."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """Two crops of photographs, and three files that cannot be measured."""
    folder = tmp_path_factory.mktemp("images")
    for name in ("kodim03", "kodim23"):
        with Image.open(photos / f"{name}.png") as photo:
            photo.crop((200, 100, 392, 276)).save(folder / f"{name}.png")
    whole = (folder / "kodim03.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("no image\n")
    Image.fromarray(np.zeros((9, 9), np.uint16)).save(folder / "deep.png")
    return folder


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[str | Path, ...]:
    """A short `bench rd`; its cache starts empty and serves all tests here."""
    return ("bench", "rd", "--images", folder, "--cache", tmp_path_factory.mktemp("cache"), *QUICK)


def test_rd_in_one_run(
    tmp_path: Path, quick: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tenfold(*quick, "--json", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert [curve["id"] for curve in found["curves"]] == [DEFAULT_CODEC, "jpeg_420", "webp_m6"]
    assert found["images"] == 2
    assert set(found["skipped"]) == {"cut.png", "deep.png", "text.jpg"}
    for key in found["skipped"]:
        assert f"{key} is left out: " in ran.err
    assert "16-bit" in found["skipped"]["deep.png"]
    assert "0 are of those" in found["left_out"]["published"]
    against = {row["against"]: row for row in found["bd_rate"]}
    assert (
        against["jpeg_420"]["psnr"]["overlap"]["percent"] < against["webp_m6"]["psnr"]["overlap"]["percent"]
    )
    assert against["webp_m6"]["ms_ssim"]["overlap"]["low_db"] > 5
    assert json.loads((tmp_path / "out" / "rd.json").read_text()) == found
    page = (tmp_path / "out" / "rd.md").read_text()
    assert "| WebP m6 " in page
    assert "60x, 0.40 bpp" in page
    assert "libwebp" in page
    assert found["machine"] in page
    assert "deep.png is left out" in page
    assert "other judges were not asked" in page
    assert (tmp_path / "out" / "rd.svg").read_text().count("WebP m6") >= 1
    with Image.open(tmp_path / "out" / "rd.png") as plot:
        assert plot.width > 1000

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr("jobs.bench.baselines.ProcessPoolExecutor", refuse)
    again = tenfold(*quick)
    assert again.code == 0, again.err
    assert again.out == page


def test_published_curves_stand_beside_kodak_only(
    quick: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        bench_rd_run, "why_not_kodak", lambda digests: None if len(list(digests)) == 2 else "no"
    )
    found = tenfold(*quick, "--json").json()
    published = [curve for curve in found["curves"] if curve["published"]]
    assert [curve["id"] for curve in published] == [curve.id for curve in published_curves()]
    assert all(curve["library"].startswith("github:") for curve in published)
    assert found["left_out"] == {}
    assert "VTM 9.1 (H.266 intra) (published, Kodak)" in tenfold(*quick).out


def test_few_qualities_give_points_and_no_bd_rate(quick: tuple[str | Path, ...]) -> None:
    ran = tenfold(*quick, "--qualities", "8,32.5")
    assert ran.code == 0, ran.err
    assert "JPEG 4:2:0, PSNR: no BD-rate, our curve: expected at least 4 points, got 2." in ran.out
    assert "|    32.5 |" in ran.out


def test_an_encoder_that_refuses_an_image_is_left_out(tmp_path: Path) -> None:
    Image.fromarray(np.full((1, 16400, 3), 128, np.uint8)).save(tmp_path / "wide.png")  # WebP ends at 16383
    found = tenfold(
        "bench", "rd", "--images", tmp_path, "--cache", tmp_path / "cache", *QUICK, "--json"
    ).json()
    assert found["left_out"]["webp_m6"].startswith("wide.png: ")
    assert [curve["id"] for curve in found["curves"]] == [DEFAULT_CODEC, "jpeg_420"]
    assert found["curves"][1]["points"][0]["psnr_db"] is None  # grey comes back as it was: infinite


def test_a_missing_library_is_left_out(
    quick: tuple[str | Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from codec.bench.libraries import library

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    library.cache_clear()
    try:
        ran = tenfold(*quick, "--against", "jpeg_420,heic_420", "--json")
    finally:
        library.cache_clear()
    assert ran.code == 0, ran.err
    assert "pip install 'tenfold[bench]'" in ran.json()["left_out"]["heic_420"]
    assert "heic_420 is left out: " in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("rd", "--qualities", "1,x"), "Expected qualities from 0 to 63", id="no number"),
        pytest.param(("rd", "--qualities", "64"), "got '64'", id="too high"),
        pytest.param(("speed", "--qualities", ""), "Expected qualities from 0 to 63", id="no quality"),
        pytest.param(("rd", "--against", "gif"), "got gif", id="unknown baseline"),
        pytest.param(("rd", "--codec", "gif"), "ae-zfp-1", id="unknown codec"),
        pytest.param(("rd", "--out", "{file}"), "Expected a folder to write to", id="out is a file"),
        pytest.param(("rd", "--cache", "{file}"), "Expected a folder to write to", id="cache is a file"),
        pytest.param(("rd", "--weights", "nowhere"), "Expected a weights file at nowhere", id="no weights"),
        pytest.param(("zoo", "--codecs", "hyper-2"), "did you mean hyper-1/small?", id="unknown entrant"),
        pytest.param(("zoo", "--judges", "Canny edge"), "did you mean Canny edges?", id="unknown judge"),
        pytest.param(("zoo", "--bpp", "0,x"), "Expected bits per pixel above 0", id="no rate"),
    ],
)
def test_wrong_usage_ends_before_work(
    words: tuple[str, ...], message: str, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    verb, *others = (word.format(file=file) for word in words)
    out = ("--out", tmp_path / "out") if verb == "zoo" else ()
    ran = tenfold("bench", verb, "--images", folder, *out, *others)
    assert ran.code == 2
    assert message in ran.err


@pytest.mark.parametrize("verb", ["rd", "speed"])
def test_no_usable_image_is_an_error(verb: str, folder: Path, tmp_path: Path) -> None:
    for name in ("cut.png", "deep.png", "text.jpg"):
        shutil.copy(folder / name, tmp_path)
    ran = tenfold("bench", verb, "--images", tmp_path)
    assert ran.code == 1
    assert "Expected at least one usable image" in ran.err
    assert "got 3 that are not" in ran.err
    assert "Expected a folder, got nothing" in tenfold("bench", verb, "--images", tmp_path / "none").err


def test_without_the_extra_the_first_line_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.bench.options.find_spec", lambda _: None)
    ran = tenfold("bench", "rd", "--images", folder)
    assert ran.code == 1
    assert "got no scipy here; pip install 'tenfold[bench]'" in ran.err


def _speed(folder: Path, *words: str) -> Ran:
    return tenfold("bench", "speed", "--images", folder, "--count", "1", "--rounds", "1", *words)


def test_speed_as_json(folder: Path) -> None:
    ran = _speed(folder, "--qualities", "8,40", "--megapixels", "0.1", "--json")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert set(found) == {"tenfold", "jpeg", "webp_m6", "avif_s6", "about"}
    for name in ("tenfold", "jpeg", "webp_m6", "avif_s6"):
        assert found[name]["encode_s_per_mp"] > 0
        assert found[name]["decode_s_per_mp"] > 0
    assert [at["quality"] for at in found["tenfold"]["qualities"]] == [8, 40]
    assert found["about"]["images"] == 1
    assert "torch threads 1" in found["about"]["one_core"]
    assert found["about"]["left_out"] == {}
    assert "cut.png is left out: " in ran.err


def test_speed_for_people(folder: Path) -> None:
    ran = _speed(folder, "--qualities", "8")
    assert ran.code == 0, ran.err
    assert "encode s/MP" in ran.out
    assert "avif_s6" in ran.out
    assert "the fastest of 1 rounds" in ran.out


@pytest.mark.parametrize(
    ("verb", "option"),
    [("rd", "--out"), ("rd", "--cache"), ("zoo", "--out"), ("scale", "--out"), ("adapt", "--out")],
)
def test_a_url_is_no_folder_to_write_into(
    verb: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = tenfold("bench", verb, option, "s3://bucket/measured")
    assert ran.code == 2
    assert f"'{option}': Expected a folder of this machine, got a URL" in ran.err
    assert not list(tmp_path.iterdir())


def test_adapt_takes_one_budget_and_enough_images(folder: Path) -> None:
    ran = tenfold("bench", "adapt", "--images", folder, "--minutes", "1", "--steps", "1")
    assert ran.code == 2
    assert "Expected --minutes or --steps, got both" in ran.err
    ran = tenfold("bench", "adapt", "--images", folder, "--steps", "1")
    assert ran.code == 1
    assert "at least 8 images of 192 x 192 pixels or more to adapt to, got 0" in ran.err
