"""`tenfold train`: the verb from images to weights, stopped politely and drawn again."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from PIL import Image

from codec.training.log import read_log
from tests.support.photographs import picture
from tests.support.road import start_tenfold, tenfold
from tests.support.training_runs import tiny


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in "abcd":
        Image.fromarray(picture(80, 90, ord(name))).save(folder / f"{name}.png")
    return folder


def recipe(folder: Path, **changes: object) -> Path:
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(tiny("hyper-1", **changes).model_dump(mode="json", exclude_none=True)))
    return path


def test_images_become_weights_curves_and_pictures(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ("train", "--config", recipe(tmp_path, steps=3), "--data", images, "--out", out)
    ran = tenfold(*words)
    assert ran.code == 0, ran.err
    assert ran.out.strip() == str(out / "tiny.safetensors")
    assert "4 crops of 4 images in memory" in ran.err
    assert "step 3/3 (100%)" in ran.err
    assert (out / "strips.png").exists()
    (out / "strips.png").unlink()
    again = tenfold("train", "--redraw", out)
    assert again.code == 0
    assert str(out / "strips.png") in again.out
    assert (out / "strips.png").exists()
    refused = tenfold(*words)
    assert refused.code == 1
    assert "already holds a run at step 3" in refused.err


def test_a_session_too_short_to_begin_is_told_and_leaves_the_next_one_free(
    images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ("train", "--config", recipe(tmp_path, steps=3), "--data", images, "--out", out)
    short = tenfold(*words, "--minutes", "0")
    assert short.code == 1
    assert "the session was over at 0 images read: nothing was trained" in " ".join(short.err.split())
    assert tenfold(*words).code == 0
    assert [row["step"] for row in read_log(out) if row["kind"] == "evaluate"] == [0, 3]


def test_a_polite_kill_ends_with_a_checkpoint(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    config = recipe(tmp_path, steps=100_000, checkpoint_minutes=60)
    process = start_tenfold("train", "--config", config, "--data", images, "--out", out, "--device", "cpu")
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if " step " in line:
                break
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=120)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, said
    assert "with a checkpoint, without new weights; the same command with --resume goes on" in said
    assert (out / "checkpoint.pt").exists()
    assert not list(out.glob("*.safetensors"))


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--config", "none.yaml", "--data", "d", "--out", "o"), 1, "expected a training config"),
        (("--config", "none.yaml"), 2, "--redraw alone"),
        (("--redraw", "nowhere"), 1, "expected a run at nowhere"),
        (("--config", "{config}", "--data", "d", "--out", "{tmp}/o", "--device", "tpu"), 2, "got 'tpu'"),
        (("--config", "{config}", "--data", "{tmp}/none", "--out", "{tmp}/o"), 1, "nothing there"),
        (
            ("--config", "{config}", "--data", "{tmp}", "--out", "s3://b/run"),
            1,
            "got a URL that begins with s3:",
        ),
        (("--config", "{config}", "--data", "{tmp}", "--out", "{tmp}/o"), 1, "outside of its images in"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], code: int, message: str, tmp_path: Path) -> None:
    config = recipe(tmp_path)
    ran = tenfold("train", *(word.format(config=config, tmp=tmp_path) for word in words))
    assert ran.code == code
    assert message in " ".join(ran.err.split())
