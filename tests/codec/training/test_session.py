"""A session ends when it was told to, whatever it is doing, and the next one goes on as if nothing had happened.

A recipe of one weight takes the place of a family, and a clock that its stages move the place of time.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from codec.contract import RGB
from codec.errors import TrainingError
from codec.training import session as session_module
from codec.training.checkpoint import load_checkpoint, save_checkpoint
from codec.training.config import TrainConfig
from codec.training.durations import DURATIONS_NAME
from codec.training.gather import gather
from codec.training.image_crops import Crops
from codec.training.image_files import ReadImage
from codec.training.recipe import BatchLoss, Evaluation, EvaluationPoint, ParameterGroup
from codec.training.session import Session, StageProgress, interrupted_by_signals, stage
from codec.training.trainer import train
from codec.training.training_run import Trained
from tests.support.training_runs import pictures

CROPS = pictures()
CONFIG = TrainConfig(
    family="none",
    preset="one",
    steps=40,
    batch=1,
    patch=32,
    evaluate_every=10,
    evaluate_crops=4,
    held_back=0.5,
)


@dataclass
class Clock:
    now: float = 0.0


@dataclass
class OneWeight:
    """A recipe. Implements `codec.training.recipe.Recipe`."""

    clock: Clock
    evaluation_s: float = 3.0
    """A crop."""
    export_s: float = 5.0
    """A part of four."""
    followed: float = 0.0

    def build(self) -> nn.Conv2d:
        return nn.Conv2d(3, 1, 1)

    def begin(
        self, model: nn.Conv2d, crops: Crops, held_back: Sequence[RGB], start_from: Path | None
    ) -> None:
        for _ in stage("crops fitted to", crops.pixels):
            self.clock.now += 2.0

    def shipped(self) -> Path:
        raise NotImplementedError

    def groups(self, model: nn.Conv2d) -> list[ParameterGroup]:
        return [ParameterGroup(parameters=list(model.parameters()))]

    def loss(self, model: nn.Conv2d, rgb_BCHW: Tensor, chance: np.random.Generator) -> BatchLoss:
        self.clock.now += 1.0
        total = (model(rgb_BCHW) - self.followed).square().mean()
        return BatchLoss(total=total, parts={"mse": total.detach(), "bpp": total.detach()})

    def evaluate(self, model: nn.Conv2d, held_back: Sequence[RGB], fraction_done: float) -> Evaluation:
        for _ in stage("crops evaluated", held_back):
            self.clock.now += self.evaluation_s
        self.followed += 0.1  # as a quantiser step follows what was measured
        return Evaluation(points=(EvaluationPoint(label="one", bpp=1.0, psnr_db=30.0),), facts={})

    def export(self, model: nn.Conv2d, record: dict[str, object], crops: Crops) -> bytes:
        for _ in stage("crops counted", range(4)):
            self.clock.now += self.export_s
        return model.weight.numpy().tobytes()

    def state(self) -> dict[str, object]:
        return {"followed": self.followed}

    def restore(self, state: dict[str, Any]) -> None:
        self.followed = state["followed"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", lambda: clock.now)
    return clock


def run(recipe: OneWeight, out: Path, session: Session | None = None) -> Trained:
    def read() -> Crops:
        for _ in stage("images read", CROPS.pixels):
            recipe.clock.now += 1.0
        return CROPS

    return train(CONFIG, recipe, read, out=out, resume=True, session=session, workers=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a run that nothing ended early."""
    return run(OneWeight(Clock()), tmp_path_factory.mktemp("whole")).weights.read_bytes()


@pytest.mark.parametrize("seconds", [70, 80, 90, 100, 110])
def test_a_session_ends_in_its_minutes_with_everything_it_does(
    seconds: float, clock: Clock, whole: bytes, tmp_path: Path
) -> None:
    recipe = OneWeight(clock)
    trained = run(recipe, tmp_path, Session(minutes=seconds / 60.0))
    evaluation_s, export_s = 4 * recipe.evaluation_s, 4 * recipe.export_s
    unforeseen = export_s - evaluation_s  # an export is new to the first session
    assert trained.exported
    assert seconds - evaluation_s <= clock.now - unforeseen <= seconds + 1.0
    steps = [trained.step]
    while not trained.finished:
        began = clock.now
        trained = run(OneWeight(clock), tmp_path, Session(minutes=seconds / 60.0))
        steps.append(trained.step)
        assert trained.exported
        assert clock.now - began <= seconds + 1.0
        assert len(steps) <= 5
    assert steps == sorted(steps)
    assert trained.weights.read_bytes() == whole


@pytest.mark.parametrize("seconds", [0, 5, 20])
def test_a_session_too_short_to_begin_says_where_it_was(seconds: float, clock: Clock, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"session was over at \d+ of \d+ \D+: nothing .* more minutes"):
        run(OneWeight(clock), tmp_path, Session(minutes=seconds / 60.0))
    assert clock.now <= seconds + 2.0
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize(
    ("words", "time", "step"),
    [
        ("images read", 3, None),
        ("crops fitted to", 3, None),
        ("crops evaluated", 3, 0),
        ("step", 5, 5),
        ("crops evaluated", 8, 10),
        ("crops counted", 2, 40),
    ],
)
def test_an_interrupted_session_ends_at_once_and_nothing_is_lost(
    words: str, time: int, step: int | None, clock: Clock, whole: bytes, tmp_path: Path
) -> None:
    heard, interrupted_at = 0, 0.0

    def hear(what: str) -> None:
        nonlocal heard, interrupted_at
        heard += what == words
        if heard == time and what == words:
            session.interrupt()
            interrupted_at = clock.now

    def read() -> Crops:
        return Crops(names=CROPS.names, pixels=tuple(stage("images read", CROPS.pixels)))

    session = Session(tell=lambda stage: hear(stage.words))
    if step is None:
        with pytest.raises(TrainingError, match="run the same command again"):
            train(CONFIG, OneWeight(clock), read, out=tmp_path, session=session)
    else:
        trained = train(
            CONFIG,
            OneWeight(clock),
            read,
            out=tmp_path,
            session=session,
            workers=1,
            on_progress=lambda _: hear("step"),
        )
        assert (trained.step, trained.exported) == (step, False)
        assert not trained.weights.exists()
    assert (tmp_path / "checkpoint.pt").exists() == (step is not None)
    assert clock.now == interrupted_at
    assert run(OneWeight(clock), tmp_path).weights.read_bytes() == whole


def test_a_full_disk_leaves_the_last_checkpoint_and_says_what_to_do(
    clock: Clock, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run(OneWeight(clock), tmp_path, Session(steps=5))
    checkpoint = (tmp_path / "checkpoint.pt").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(TrainingError, match=r"expected to write into .*No space left .* --resume"):
            run(OneWeight(clock), tmp_path)
    held = load_checkpoint(tmp_path)
    assert held is not None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):  # PyTorch hides it in an error of its own
            save_checkpoint(tmp_path, replace(held, model={"weight": torch.zeros(100_000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "checkpoint.pt").read_bytes() == checkpoint
    assert list(tmp_path.glob(".*.partial")) == []
    (tmp_path / DURATIONS_NAME).write_text('{"evaluation": ')
    assert run(OneWeight(clock), tmp_path).weights.read_bytes() == whole
    with pytest.raises(TrainingError, match=r"expected to write into .*one\.safetensors"):
        run(OneWeight(clock), tmp_path / "one.safetensors")


def test_a_session_of_few_minutes_reads_fewer_images_and_later_ones_read_the_same(
    clock: Clock, tmp_path: Path
) -> None:
    heard: list[str] = []

    def slow() -> Iterator[ReadImage]:
        for number in range(300):
            clock.now += 1.0
            yield ReadImage(name=f"{number}.png", content=CROPS.pixels[number % len(CROPS)])

    def read() -> Crops:
        gathered = gather(slow(), CONFIG, where="here")
        heard.append(str(gathered))
        return gathered.crops

    for session in (Session(minutes=10.0, steps=2), Session(steps=2)):
        trained = train(CONFIG, OneWeight(clock), read, out=tmp_path, session=session, resume=True, workers=1)
    assert trained.step == 4
    assert heard[0].startswith("199 crops of 199 images")
    assert heard[0].endswith("left out: what the run's first session had time to read is reached")
    assert heard[1] == heard[0]


def test_signals_interrupt_and_a_later_one_ends_at_once(clock: Clock) -> None:
    stages: list[StageProgress] = []
    session = Session(tell=stages.append)
    with interrupted_by_signals(session):
        assert not session.is_over()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)  # at the same moment: one request
        assert session.is_over()
        clock.now += session_module._SAME_S
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            os.kill(os.getpid(), signal.SIGTERM)
    assert not stages


def test_stages_are_what_they_go_through() -> None:
    stages: list[StageProgress] = []
    session = Session(tell=stages.append)
    assert list(stage("things", iter("ab"))) == ["a", "b"]
    assert not stages
    with session.at_work():
        assert list(stage("things", "ab")) == ["a", "b"]
    assert [one.line() for one in stages] == ["0 of 2 things", "1 of 2 things", "2 of 2 things"]
