"""The training loop, the same for every family: from nothing or from other weights, resumable at any kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch

from codec.contract import RGB
from codec.errors import TrainingError
from codec.training.batch_shares import default_workers, side_by_side
from codec.training.checkpoint import Checkpoint, check_same_config, load_checkpoint
from codec.training.config import TrainConfig
from codec.training.image_crops import Crops
from codec.training.patch_source import PatchSource
from codec.training.progress import TrainingProgress
from codec.training.recipe import Recipe
from codec.training.run_lock import alone_in
from codec.training.session import Session, SessionOver
from codec.training.training_data import TrainingData
from codec.training.training_run import Trained, TrainingRun, weights_path
from codec.training.written import writing_into

SHIPPED_START: Final = Path("shipped")
"""As `start_from`: the weights that ship for this family and preset."""


def train(
    config: TrainConfig,
    recipe: Recipe[Any],
    read: Callable[[], Crops],
    *,
    out: Path,
    resume: bool = False,
    start_from: Path | None = None,
    held_out: Callable[[], Mapping[str, Sequence[RGB]]] = dict,
    device: torch.device | None = None,
    workers: int | None = None,
    export: bool = True,
    session: Session | None = None,
    on_progress: Callable[[TrainingProgress], None] = lambda _: None,
) -> Trained:
    """Train one preset, to the end of the run or of this session.

    `out` holds `checkpoint.pt`, `log.jsonl`, `strips/` and, at the end of every session that is not interrupted, the
    averaged weights.

    Args:
        recipe: how a model of this family trains, on the same device.
        read: gives the images, once everything else has been checked.
        resume: go on from the checkpoint in `out`, if there is one.
        start_from: weights file whose tensors are taken where they fit, or `SHIPPED_START`.
        held_out: gives further images that are not trained on, by their kind: every evaluation measures each kind too.
        workers: shares of a batch that run side by side; by default one per core, or one on a GPU.
        export: write the weights at the end of this session; the checkpoint has them anyway.
        session: how long to go on, and who hears of stages; by default to the end of the run.
        on_progress: told after every step.
    Raises:
        TrainingError: the data or a checkpoint cannot be used, the run diverged, `out` holds a run and `resume` is not
            set, another process trains into `out`, it cannot be written into, or the session was over before a new run
            had begun.
        WeightsError: `start_from` cannot be used.
    """
    device, session = device or torch.device("cpu"), session or Session()
    with alone_in(out):
        checkpoint = _checkpoint_of(out, config, resume=resume)
        try:
            with session.at_work(), _subnormals_are_zero():
                kinds = held_out()  # few, and what is wrong with them is said at once
                session.begin_reading(
                    checkpoint.images if checkpoint else None, of_new_run=checkpoint is None
                )
                data = TrainingData.of(read(), kinds, config)
                with writing_into(out):
                    run = TrainingRun(config, recipe, data, out, session, exports=export)
                    if checkpoint is None:
                        run.begin(recipe.shipped() if start_from == SHIPPED_START else start_from)
                    else:
                        run.restore(checkpoint)
                    with side_by_side(min(workers or default_workers(device), config.batch)) as shares:
                        patches = PatchSource(data.crops, device, mirrored=config.data.mirrored)
                        run.advance(patches, shares, on_progress)
                    return run.end()
        except SessionOver as too_early:
            if checkpoint is None:
                raise TrainingError(_too_early(session)) from too_early
            weights = weights_path(out, config)
            return Trained(weights=weights, exported=False, step=checkpoint.step, finished=False)


def _checkpoint_of(out: Path, config: TrainConfig, *, resume: bool) -> Checkpoint | None:
    """Where to go on from; None where a run begins."""
    checkpoint = load_checkpoint(out)
    if checkpoint is None:
        return None
    if not resume:
        raise TrainingError(
            f"expected a folder for a new run, but {out} already holds a run at step {checkpoint.step}; resume it, or "
            "train elsewhere"
        )
    check_same_config(checkpoint, config, out)
    return checkpoint


@contextmanager
def _subnormals_are_zero() -> Iterator[None]:
    """Dying gradients are subnormal, and those are slow on a CPU. It holds for the whole process, which is not ours
    alone: afterwards they are numbers again."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _too_early(session: Session) -> str:
    reached = "at its start" if session.stage is None else f"at {session.stage.line()}"
    advice = (
        "run the same command again" if session.was_interrupted else "give it more minutes, or fewer images"
    )
    return f"expected to begin the run, and the session was over {reached}: nothing was trained; {advice}"
