"""The training loop, with every family: resumes exactly, refuses what cannot work, outlives what goes wrong."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from codec.errors import TrainingError, WeightsError
from codec.registry import codec_ids, recipe_type
from codec.training import training_run
from codec.training.checkpoint import Checkpoint, check_same_config, save_checkpoint
from codec.training.config import DataConfig
from codec.training.drawings import redraw
from codec.training.image_crops import Crops
from codec.training.karhunen_loeve import Transform, fit_transform
from codec.training.log import read_log
from codec.training.patch_source import PatchSource
from codec.training.progress import TrainingProgress
from codec.training.run_lock import alone_in
from codec.training.session import Session
from codec.training.trainer import SHIPPED_START
from codec.weights_file import read_weights
from tests.support.devices import on_a_gpu
from tests.support.training_runs import pictures, tiny, train

QUICKEST = "ae-zfp-1"
"""The family to train where any would do."""


of_the_quickest = pytest.mark.parametrize("family", [QUICKEST], indirect=True)


@pytest.fixture(scope="module", params=codec_ids())
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def crops() -> Crops:
    return pictures()


@pytest.fixture(autouse=True, scope="module")
def _fit_once(crops: Crops) -> Iterator[None]:
    """The runs here train on the same pictures: fit their transform once. And fit tables to one picture, not many."""
    fitted = fit_transform(crops, seed=0)

    def fitted_before(_crops: Crops, *, seed: int) -> Transform:
        return fitted

    with pytest.MonkeyPatch.context() as patch:
        for family in codec_ids():
            recipe = sys.modules[recipe_type(family).__module__]
            patch.setattr(recipe, "fit_transform", fitted_before, raising=False)
            patch.setattr(recipe, "_FIT_CROPS", 1, raising=False)
        yield


@pytest.fixture(scope="module")
def whole(family: str, crops: Crops, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole")
    train(tiny(family, checkpoint_minutes=0.0), lambda: crops, out=out)
    return out


def weights_in(out: Path) -> Path:
    (weights,) = out.glob("*.safetensors")
    return weights


def test_a_resumed_run_equals_an_uninterrupted_one(
    family: str, whole: Path, crops: Crops, tmp_path: Path
) -> None:
    config = tiny(family, checkpoint_minutes=0.0)
    first = train(config, lambda: crops, out=tmp_path, session=Session(steps=5))
    assert (first.step, first.finished) == (5, False)
    train(config, lambda: crops, out=tmp_path, resume=True, session=Session(steps=2))
    parts = train(config, lambda: crops, out=tmp_path, resume=True)
    assert (parts.step, parts.finished) == (8, True)
    assert parts.weights.read_bytes() == weights_in(whole).read_bytes()


def test_a_killed_run_goes_on_from_its_checkpoint(
    family: str, whole: Path, crops: Crops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(family, checkpoint_minutes=0.0)

    class Killed(BaseException):
        pass

    def fatal(progress: TrainingProgress) -> None:
        if progress.step == 7:
            raise Killed("at step 7")

    def now_and_then(out: Path, checkpoint: Checkpoint) -> None:
        if checkpoint.step % 4 == 0:
            save_checkpoint(out, checkpoint)

    monkeypatch.setattr(training_run, "save_checkpoint", now_and_then)
    with pytest.raises(Killed, match="at step 7"):
        train(config, lambda: crops, out=tmp_path, on_progress=fatal)
    assert not list(tmp_path.glob("*.safetensors"))
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"kind": "tr')  # a line that the kill cut
    killed = train(config, lambda: crops, out=tmp_path, resume=True)
    assert killed.weights.read_bytes() == weights_in(whole).read_bytes()
    logs = [[row for row in read_log(run) if row["kind"] != "session"] for run in (whole, tmp_path)]
    assert logs[0] == logs[1]


def test_a_finished_run_only_exports_again(crops: Crops, tmp_path: Path) -> None:
    config = tiny(QUICKEST, steps=2)
    first = train(config, lambda: crops, out=tmp_path).weights.read_bytes()
    steps: list[TrainingProgress] = []
    again = train(config, lambda: crops, out=tmp_path, resume=True, on_progress=steps.append)
    assert again.finished
    assert not steps
    assert again.weights.read_bytes() == first


def test_a_run_by_the_clock_counts_the_minutes_of_all_sessions(
    crops: Crops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: seconds[0])
    seen: list[TrainingProgress] = []

    draw = PatchSource.draw

    def slow(self: PatchSource, batch: int, size: int, chance: np.random.Generator) -> Tensor:
        seconds[0] += 10.0
        return draw(self, batch, size, chance)

    monkeypatch.setattr(PatchSource, "draw", slow)
    config = tiny(QUICKEST, steps=None, minutes=1.0, optimiser={"warmup_steps": 0, "decay_from": 0.5})
    train(config, lambda: crops, out=tmp_path, session=Session(steps=2), on_progress=seen.append)
    seconds[0] += 1000.0  # between sessions
    trained = train(config, lambda: crops, out=tmp_path, resume=True, on_progress=seen.append)
    assert (trained.step, trained.finished) == (6, True)
    assert [round(progress.fraction_done, 3) for progress in seen] == [0.167, 0.333, 0.5, 0.667, 0.833, 1.0]
    assert [round(progress.seconds_left) for progress in seen] == [50, 40, 30, 20, 10, 0]


def test_steps_that_are_not_finite_are_skipped(
    family: str, crops: Crops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = PatchSource.draw
    draws = iter(range(100))

    def poisoned(self: PatchSource, batch: int, size: int, chance: np.random.Generator) -> Tensor:
        patches = draw(self, batch, size, chance)
        return patches * math.nan if next(draws) == 2 else patches

    monkeypatch.setattr(PatchSource, "draw", poisoned)
    trained = train(tiny(family, steps=4), lambda: crops, out=tmp_path)
    assert all(torch.isfinite(tensor).all() for tensor in read_weights(trained.weights).tensors.values())
    assert [row["step"] for row in read_log(tmp_path) if row["kind"] == "skipped"] == [3]


def test_a_run_that_has_diverged_ends(crops: Crops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_run, "_MOST_SKIPPED", 3)
    monkeypatch.setattr(PatchSource, "draw", lambda *_: torch.full((4, 3, 64, 64), math.nan))
    with pytest.raises(TrainingError, match=r"got none in 3 steps .* has diverged"):
        train(tiny(QUICKEST), lambda: crops, out=tmp_path)


def test_a_run_is_not_overwritten_and_not_continued_with_another_config(crops: Crops, tmp_path: Path) -> None:
    train(tiny(QUICKEST, steps=2), lambda: crops, out=tmp_path)
    with pytest.raises(TrainingError, match="already holds a run at step 2; resume it"):
        train(tiny(QUICKEST, steps=2), lambda: crops, out=tmp_path)
    with pytest.raises(TrainingError, match=r"another config \(steps is 2 there, 3 here\)"):
        train(tiny(QUICKEST, steps=3), lambda: crops, out=tmp_path, resume=True)


_TRAINS_UNTIL_IT_IS_KILLED = """
import os, pathlib, signal, sys
from codec.training.run_lock import alone_in

with alone_in(pathlib.Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_two_do_not_train_into_one_folder_and_a_kill_leaves_it_free(crops: Crops, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _TRAINS_UNTIL_IT_IS_KILLED, tmp_path], check=False)
    assert killed.returncode == -signal.SIGKILL
    config = tiny(QUICKEST, steps=1)

    def read() -> Crops:
        with pytest.raises(
            TrainingError, match=rf"alone in .*, got process {os.getpid()} on .*; wait for it"
        ):
            train(config, pytest.fail, out=tmp_path)
        return crops

    assert train(config, read, out=tmp_path).finished


def test_where_a_filesystem_has_no_locks_nobody_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", none)
    with alone_in(tmp_path), alone_in(tmp_path):
        pass


def test_a_key_that_is_newer_than_a_checkpoint_had_its_default(tmp_path: Path) -> None:
    config = tiny(QUICKEST)
    values = config.model_dump(mode="json")
    del values["data"]["mirrored"]
    old = Checkpoint(
        **{field.name: None for field in fields(Checkpoint)} | {"config": json.dumps(values)}  # type: ignore[arg-type]
    )
    check_same_config(old, config, tmp_path)
    other = config.model_copy(update={"data": DataConfig(mirrored=False)})
    with pytest.raises(TrainingError, match=r"another config \(data.mirrored is True there, False here\)"):
        check_same_config(old, other, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is damaged"),
        (b"PK\x03\x04 half", "is damaged"),
        (b"\x80\x02junk", "is damaged"),
    ],
    ids=["empty", "cut", "pickle"],
)
def test_damaged_checkpoints_are_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=rf"checkpoint .* {message} .* delete it"):
        train(tiny(QUICKEST), pytest.fail, out=tmp_path, resume=True)


def test_checkpoints_of_another_format_are_named(tmp_path: Path) -> None:
    torch.save({"format": 1, "step": 3}, tmp_path / "checkpoint.pt")
    with pytest.raises(TrainingError, match="expected a checkpoint of format 2"):
        train(tiny(QUICKEST), pytest.fail, out=tmp_path, resume=True)


def test_averaging_weights_keeps_no_history(
    family: str, crops: Crops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe: Any = recipe_type(family)
    export, seen = recipe.export, []

    def spy(self: Any, model: Any, *rest: Any) -> Any:
        seen.extend(model.parameters())
        return export(self, model, *rest)

    monkeypatch.setattr(recipe, "export", spy)
    train(tiny(family, steps=1), lambda: crops, out=tmp_path)
    assert seen
    assert not any(parameter.requires_grad or parameter.grad_fn for parameter in seen)


def test_fine_tuning_starts_from_other_weights(
    family: str, whole: Path, crops: Crops, tmp_path: Path
) -> None:
    base = weights_in(whole)
    still = {"learning_rate": 1e-9, "warmup_steps": 0}
    tuned = train(
        tiny(family, steps=1, optimiser=still), lambda: crops, out=tmp_path / "tuned", start_from=base
    )
    old, new = read_weights(base).tensors, read_weights(tuned.weights).tensors
    floats = [name for name, tensor in old.items() if tensor.is_floating_point()]
    assert floats
    for name in floats:
        torch.testing.assert_close(new[name], old[name])


def test_missing_start_weights_are_named(family: str, crops: Crops, tmp_path: Path) -> None:
    config = tiny(family, preset="unshipped")
    with pytest.raises(WeightsError, match=r"expected weights at .*unshipped\.safetensors"):
        train(config, lambda: crops, out=tmp_path, start_from=SHIPPED_START)


@of_the_quickest
def test_a_run_draws_what_it_saw(whole: Path) -> None:
    pytest.importorskip("matplotlib")
    drawn = ("curves.png", "learning.png", "strips.png", "differences.png")
    assert redraw(whole) == [str(whole / name) for name in drawn]
    labels = {path.name for path in (whole / "strips").iterdir() if path.is_dir()}
    (*_, last) = (row for row in read_log(whole) if row["kind"] == "evaluate")
    assert labels == {point["label"] for point in last["points"]}
    reached = json.loads(read_weights(weights_in(whole)).config)["recipe"]["reached"]
    assert (reached["step"], reached["points"]) == (last["step"], last["points"])
    with Image.open(whole / "strips" / "original.png") as original:
        width, height = original.size
    with Image.open(whole / "strips.png") as strips:
        assert strips.width >= 4 * width  # steps 0, 4 and 8, and the original
        assert strips.height >= len(labels) * height
    with Image.open(whole / "differences.png") as differences:
        assert differences.width >= 3 * width


def test_kinds_of_images_are_measured_apart_and_change_nothing(
    family: str, crops: Crops, tmp_path: Path
) -> None:
    kinds = {"buildings": crops.pixels[:2], "screens": crops.pixels[2:3]}
    config = tiny(family, steps=1, evaluate_every=1)
    alone = train(config, lambda: crops, out=tmp_path / "alone")
    watched = train(config, lambda: crops, out=tmp_path / "watched", held_out=lambda: kinds)
    before, after = (read_weights(one.weights).tensors for one in (alone, watched))
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    rows = [row for row in read_log(tmp_path / "watched") if row["kind"] == "evaluate"]
    assert all(set(row["kinds"]) == set(kinds) for row in rows)
    assert rows[-1]["kinds"]["buildings"]["points"] != rows[-1]["kinds"]["screens"]["points"]


@of_the_quickest
def test_kinds_of_images_are_drawn_apart(family: str, whole: Path, crops: Crops, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    kinds = {"buildings": crops.pixels[:2]}
    train(tiny(family, steps=1), lambda: crops, out=tmp_path, held_out=lambda: kinds)
    with Image.open(redraw(whole)[0]) as three, Image.open(redraw(tmp_path)[0]) as four:
        assert four.width * 3 == three.width * 4


def test_drawing_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"expected a run at .* check the path"):
        redraw(tmp_path)


@on_a_gpu
def test_a_run_on_a_gpu_resumes_and_learns_what_a_cpu_learns(
    family: str, device: str, crops: Crops, tmp_path: Path
) -> None:
    config = tiny(family, bfloat16=False)
    train(config, lambda: crops, out=tmp_path / "gpu", device=torch.device(device), session=Session(steps=5))
    train(config, lambda: crops, out=tmp_path / "gpu", device=torch.device(device), resume=True)
    train(config, lambda: crops, out=tmp_path / "cpu", workers=1)  # shares draw for themselves; a GPU has one
    gpu, cpu = ([row for row in read_log(tmp_path / at) if row["kind"] == "train"] for at in ("gpu", "cpu"))
    assert [row["step"] for row in gpu] == [row["step"] for row in cpu]
    assert gpu[0]["mse"] == pytest.approx(cpu[0]["mse"], rel=0.02)
