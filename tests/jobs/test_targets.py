"""Targets, floors and weights as a user meets them, with the real codecs on real photos."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as PillowImage

from codec.errors import WeightsError
from codec.registry import load_codec, preset_weights
from codec.weights_file import digest_of, parse_weights, weights_bytes
from pipeline.compress.run_codec import RunCodec
from pipeline.config_file import load_config
from pipeline.store.storage import Storage
from tests.support.road import tenfold


@pytest.fixture
def crops(tmp_path: Path, photos: Path) -> Path:
    """Three photos' middles, 192 x 176 pixels."""
    folder = tmp_path / "crops"
    folder.mkdir()
    for path in sorted(photos.glob("*.png"))[:3]:
        with PillowImage.open(path) as opened:
            opened.crop((200, 150, 392, 326)).save(folder / path.name)
    return folder


def compress(source: Path, archive: Path, *options: str) -> Any:
    ran = tenfold("compress", source, archive, "--workers", "0", "--json", *options)
    assert ran.code == 0, ran.err
    return ran.json()


@pytest.mark.parametrize("count", [1, 3])
def test_25x_is_25x_on_real_bytes(tmp_path: Path, photos: Path, count: int) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for path in sorted(photos.glob("*.png"))[:count]:
        shutil.copy(path, source)
    summary = compress(source, tmp_path / "a", "--ratio", "25", "--codec", "ae-zfp-1")
    rows = tenfold("ls", tmp_path / "a", "--json").json()
    num_bytes = sum(row["payload_length"] for row in rows)
    pixels = sum(row["width"] * row["height"] for row in rows)
    assert len(rows) == count
    assert 3 * pixels / num_bytes == pytest.approx(25, rel=0.02)
    assert summary["reached_ratio"] == pytest.approx(3 * pixels / num_bytes)
    assert (summary["target_ratio"], summary["target_met"], summary["quality"]) == (25, True, None)


@pytest.mark.parametrize("codec", ["ae-zfp-1", "hyper-1"])
def test_bits_per_pixel_are_met_by_every_codec(tmp_path: Path, crops: Path, codec: str) -> None:
    summary = compress(crops, tmp_path / "a", "--bpp", "0.8", "--codec", codec)
    assert summary["reached_bpp"] == pytest.approx(0.8, rel=0.02)


def test_a_target_out_of_reach_is_said_plainly(tmp_path: Path, crops: Path) -> None:
    ran = tenfold(
        "compress", crops, tmp_path / "a", "--workers", "0", "--ratio", "9000", "--codec", "ae-zfp-1"
    )
    assert ran.code == 0
    assert "Target ratio 9000x, reached" in ran.out
    assert "not met. Quality 0 takes more on these images" in ran.out
    assert {row["quality"] for row in tenfold("ls", tmp_path / "a", "--json").json()} == {0}


def test_every_photo_reaches_its_floor(tmp_path: Path, crops: Path) -> None:
    arguments = ("--quality", "8", "--codec", "ae-zfp-1")
    without = compress(crops, tmp_path / "a", *arguments)
    floor = without["psnr_db"] + 3
    summary = compress(
        crops, tmp_path / "b", *arguments, "--min-psnr", f"{floor:.3f}", "--min-ms-ssim", "0.9"
    )
    rows = tenfold("ls", tmp_path / "b", "--json").json()
    assert summary["kept"] == 0
    assert all(row["psnr_db"] >= floor - 0.001 for row in rows)
    assert max(row["quality"] for row in rows) > 8
    assert summary["payload_bytes"] > without["payload_bytes"]


def test_the_archive_carries_its_weights(tmp_path: Path, crops: Path) -> None:
    ran = tenfold(
        "compress", crops, tmp_path / "a", "--workers", "0", "--quality", "8", "--codec", "ae-zfp-1"
    )
    weights = load_codec("ae-zfp-1", device="cpu").weights
    stored = {path.name: path.read_bytes() for path in (tmp_path / "a" / "codec").iterdir()}
    assert stored == weights
    assert f"of it {sum(map(len, stored.values())) / 1e6:.2f} MB the codec's weights, stored once" in ran.out


def test_images_of_a_users_own_weights_come_back_without_the_file(tmp_path: Path, photos: Path) -> None:
    source, mine = tmp_path / "source", tmp_path / "mine.safetensors"
    source.mkdir()
    with PillowImage.open(photos / "kodim23.png") as opened:
        opened.crop((200, 150, 264, 214)).save(source / "a.png")
    (shipped,) = load_codec("hyper-1", device="cpu").weights.values()
    file = parse_weights(shipped, where="shipped")
    mine.write_bytes(weights_bytes(file.config + " ", file.tensors))  # the same model under another digest
    summary = compress(source, tmp_path / "a", "--codec", "hyper-1", "--weights", str(mine))
    (stored,) = (tmp_path / "a" / "codec").iterdir()
    assert stored.name == f"{digest_of(mine.read_bytes()).hex()}.safetensors"
    assert (summary["coded"], summary["weights_bytes"]) == (1, mine.stat().st_size)
    mine.unlink()
    assert tenfold("get", tmp_path / "a", "a.png", "-o", tmp_path / "back.png").code == 0
    decoded = tenfold("decode", tmp_path / "a", tmp_path / "all", "--workers", "0", "--json").json()
    assert (decoded["written"], decoded["failed"]) == (1, 0)
    stored.unlink()
    assert "Expected the weights file codec/" in tenfold("get", tmp_path / "a", "a.png", "-o", "-").err


def test_a_smaller_encoder_is_given_as_weights_and_no_reader_needs_it(tmp_path: Path, photos: Path) -> None:
    codec = load_codec("hyper-1", device="cpu")
    ((name, shipped),) = codec.weights.items()
    shape: dict[str, object] = {"width": 8, "hidden": []}
    config = {"family": "hyper-1", "role": "encoder", "name": "quick", "model": shape}
    tensors = {
        "stem.weight": torch.zeros(8, 192, 1, 1),
        "stem.bias": torch.ones(8),
        "head.weight": torch.zeros(384, 32, 1, 1),
        "head.bias": torch.zeros(384),
    }
    data = weights_bytes(json.dumps(config | {"for": digest_of(shipped).hex()}), tensors)
    (source := tmp_path / "source").mkdir()
    (mine := tmp_path / "quick.safetensors").write_bytes(data)
    with PillowImage.open(photos / "kodim23.png") as opened:
        opened.crop((200, 150, 264, 214)).save(source / "a.png")
    summary = compress(source, tmp_path / "a", "--weights", str(mine))
    assert (summary["coded"], summary["failed"]) == (1, 0)
    kept = tmp_path / "a" / "codec" / f"{digest_of(data).hex()}.safetensors"
    assert {path.name for path in kept.parent.iterdir()} == {name, kept.name}
    kept.unlink()
    decoded = tenfold("decode", tmp_path / "a", tmp_path / "all", "--workers", "0", "--json").json()
    assert (decoded["written"], decoded["failed"]) == (1, 0)


def test_weights_that_are_not_there_are_named(tmp_path: Path, crops: Path) -> None:
    refused = tenfold("compress", crops, tmp_path / "a", "--weights", tmp_path / "lost", "--workers", "0")
    assert refused.code == 1
    assert "got nothing there; check where it lies" in refused.err
    typo = tenfold("compress", crops, tmp_path / "a", "--weights", "smal", "--workers", "0")
    assert typo.code == 1
    assert (
        "Nor is it a preset: expected a preset of hyper-1, one of small; got 'smal'; did you mean small?"
        in typo.err
    )


def test_a_preset_is_named_and_a_file_of_its_name_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    archive = Storage(str(tmp_path / "a"))
    config = load_config(None, {"codec": {"weights": "small"}})
    (shipped,) = RunCodec.load(config, archive).digests
    assert shipped == digest_of(preset_weights("hyper-1", "small"))
    Path("small").write_bytes(b"mine")
    with pytest.raises(WeightsError, match="damaged, or not Tenfold's"):
        RunCodec.load(config, archive)
