"""The training loop: from nothing (the transform is fitted to the data) or from weights, resumable at any kill."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from codec.ae_zfp.evaluate import RateDistortion, evaluate
from codec.ae_zfp.model import AutoEncoder
from codec.ae_zfp.objective import objective
from codec.ae_zfp.weights import QuantiserConfig, WeightsConfig, load_weights
from codec.errors import TrainingError
from codec.training.checkpoint import (
    Checkpoint,
    generator_state,
    load_checkpoint,
    restore_generator,
    save_checkpoint,
)
from codec.training.config import TrainConfig
from codec.training.data import Crops, draw_patches, load_crops
from codec.training.start import fit_transform, install_overlap, install_transform
from codec.weights_file import weights_bytes

LOG_NAME: Final = "log.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a run tells whoever watches."""

    step: int
    steps: int
    loss: float
    bpp: float
    """On held-back crops, real bytes, at the last evaluation; NaN before the first."""
    psnr_db: float
    ratio: float
    seconds_left: float


def train(
    config: TrainConfig,
    data: Path | Crops,
    *,
    out: Path,
    resume: bool = False,
    start_from: Path | None = None,
    device: torch.device | None = None,
    stop_after: int | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Path:
    """Train one preset; returns the weights file, `out/<preset>.safetensors`.

    `out` holds `checkpoint.pt`, `log.jsonl` and, at the end, the EMA weights. `start_from` is a weights file
    whose tensors are taken where they fit. `stop_after` ends the session after that many steps, as a kill
    would, but with a checkpoint.

    Raises:
        TrainingError: the data or a checkpoint cannot be used, or `out` holds a run and `resume` is not set.
        WeightsError: `start_from` cannot be used.
    """
    crops = load_crops(data, min_side=config.patch) if isinstance(data, Path) else data
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = load_checkpoint(out)
    if checkpoint is not None and not resume:
        raise TrainingError(
            f"{out} already holds a run at step {checkpoint.step}; resume it, or train elsewhere"
        )
    torch.set_flush_denormal(True)  # dying gradients are subnormal, and those are slow on a CPU
    try:
        run = _Run(config, crops, out, device or torch.device("cpu"))
        if checkpoint is None:
            run.begin(start_from)
        else:
            run.restore(checkpoint)
        last = config.steps if stop_after is None else min(config.steps, run.step + stop_after)
        run.advance(last, on_progress)
        return run.export()
    finally:
        torch.set_flush_denormal(False)  # it holds for the whole process, which is not ours alone


class _Run:
    """One run's moving parts."""

    def __init__(self, config: TrainConfig, crops: Crops, out: Path, device: torch.device) -> None:
        self.config, self.out, self.device = config, out, device
        self.crops, held_back = crops.split(config.held_back)
        spread = np.linspace(0, len(held_back) - 1, min(config.evaluate_crops, len(held_back))).astype(int)
        self.held_back = [held_back.pixels[i] for i in spread]
        torch.manual_seed(config.seed)
        self.generator = np.random.default_rng(config.seed)
        self.model = AutoEncoder(config.model).to(device)
        self.ema = AutoEncoder(config.model).to(device).requires_grad_(False)
        optimiser = config.optimiser
        linear = [*self.model.analysis.parameters(), *self.model.synthesis.parameters()]
        known = {id(parameter) for parameter in linear}
        deep = [parameter for parameter in self.model.parameters() if id(parameter) not in known]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": deep, "scale": 1.0},
                {"params": linear, "scale": optimiser.linear_scale, "weight_decay": 0.0},
            ],
            lr=optimiser.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=optimiser.weight_decay,
            fused=True,
        )
        self.step = 0
        self.quantiser_step = config.start_step
        self.slow: tuple[int, ...] = ()
        self.reached = RateDistortion(ratio=math.nan, bpp=math.nan, psnr_db=math.nan)

    def begin(self, start_from: Path | None) -> None:
        """Fit the transform, or take what fits of other weights."""
        channels = self.config.model.latent_channels
        basis, slow = fit_transform(self.crops, seed=self.config.seed)
        self.slow = tuple(c for c in slow if c < channels)
        install_transform(self.model, basis)
        if start_from is not None:
            weights = load_weights(start_from)
            install_overlap(self.model, weights.model)
            self.slow = tuple(c for c in weights.config.quantiser.predicted_channels if c < channels)
        self.ema.load_state_dict(self.model.state_dict())
        (self.out / LOG_NAME).unlink(missing_ok=True)
        self.balance(gain=1.0)
        self.balance(gain=1.0)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to where a checkpoint was taken."""
        if json.loads(checkpoint.config) != json.loads(self.config.model_dump_json()):
            raise TrainingError(
                f"{self.out} holds a run of another config; resume it with that, or train elsewhere"
            )
        self.model.load_state_dict(checkpoint.model)
        self.ema.load_state_dict(checkpoint.ema)
        self.optimiser.load_state_dict(checkpoint.optimiser)
        restore_generator(self.generator, checkpoint.generator)
        self.step, self.quantiser_step = checkpoint.step, checkpoint.quantiser_step
        self.slow = checkpoint.slow_channels
        log = self.out / LOG_NAME
        if log.exists():
            lines = [line for line in log.read_text().splitlines() if _step_of(line) <= self.step]
            log.write_text("".join(f"{line}\n" for line in lines))

    def advance(self, last: int, on_progress: Callable[[Progress], None]) -> None:
        """Train up to step `last`, with a checkpoint there."""
        config = self.config
        begun, begun_at = time.monotonic(), self.step
        losses: list[float] = []
        while self.step < last:
            losses.append(self.update())
            self.step += 1
            if self.step % config.evaluate_every == 0 or self.step == config.steps:
                self.balance(gain=0.5)
            if self.step % config.log_every == 0 or self.step == last:
                mean = float(np.mean(losses)) if losses else math.nan
                losses.clear()
                self.log("train", loss=mean, learning_rate=self.optimiser.param_groups[0]["lr"])
                pace = (time.monotonic() - begun) / (self.step - begun_at)
                on_progress(
                    Progress(
                        step=self.step,
                        steps=config.steps,
                        loss=mean,
                        bpp=self.reached.bpp,
                        psnr_db=self.reached.psnr_db,
                        ratio=self.reached.ratio,
                        seconds_left=pace * (config.steps - self.step),
                    )
                )
            if self.step % config.checkpoint_every == 0 or self.step == last:
                self.save()

    def update(self) -> float:
        """One optimiser step; a step whose loss or gradient is not finite is skipped."""
        config = self.config
        rgb_BCHW = draw_patches(self.crops, batch=config.batch, size=config.patch, generator=self.generator)
        octaves_B = self.generator.uniform(-1.0, 1.0, config.batch) * config.loss.jitter_octaves
        step_B = torch.from_numpy(self.quantiser_step * 2.0**octaves_B).float().to(self.device)
        rgb_BCHW = rgb_BCHW.to(self.device, memory_format=torch.channels_last)
        rate = config.optimiser.learning_rate * _schedule(self.step, config)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["scale"]
        self.optimiser.zero_grad(set_to_none=True)
        autocast = (
            torch.autocast(self.device.type, torch.bfloat16) if config.bfloat16 else contextlib.nullcontext()
        )
        with autocast:
            losses = objective(self.model, rgb_BCHW, step_B, self.quantiser_step, self.slow, config.loss)
        losses.total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.optimiser.clip_norm)
        loss = float(losses.total.detach())
        if not (math.isfinite(loss) and math.isfinite(float(norm))):
            self.log("skipped", loss=repr(loss))
            return math.nan
        self.optimiser.step()
        decay = min(config.optimiser.ema_decay, (1.0 + self.step) / (10.0 + self.step))
        torch._foreach_lerp_(list(self.ema.parameters()), list(self.model.parameters()), 1.0 - decay)
        return loss

    def balance(self, *, gain: float) -> None:
        """Measure the averaged weights on held-back crops and move the step so that they meet the ratio."""
        self.reached = self.measure()
        self.log("evaluate", **_numbers(self.reached))
        if self.step < self.config.steps:
            change = (self.config.ratio / self.reached.ratio) ** gain
            self.quantiser_step *= min(1.5, max(1.0 / 1.5, change))

    def measure(self) -> RateDistortion:
        """The averaged weights on held-back crops at the present step."""
        return evaluate(self.ema, self.held_back, self.quantiser())

    def quantiser(self) -> QuantiserConfig:
        """The quantiser as it stands."""
        loss = self.config.loss
        return QuantiserConfig(
            step=self.quantiser_step,
            dead_zone=loss.dead_zone,
            tail_weight=loss.rate_weight,
            predicted_channels=self.slow,
        )

    def log(self, kind: str, **values: object) -> None:
        """One line of the log."""
        row = {"kind": kind, "step": self.step, "quantiser_step": round(self.quantiser_step, 6), **values}
        with (self.out / LOG_NAME).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self.out,
            Checkpoint(
                step=self.step,
                model=self.model.state_dict(),
                ema=self.ema.state_dict(),
                optimiser=self.optimiser.state_dict(),
                generator=generator_state(self.generator),
                quantiser_step=self.quantiser_step,
                slow_channels=self.slow,
                config=self.config.model_dump_json(),
            ),
        )

    def export(self) -> Path:
        """Write the averaged weights with their recipe."""
        recipe: dict[str, Any] = {
            "config": json.loads(self.config.model_dump_json()),
            "steps_done": self.step,
            "crops": len(self.crops),
            "held_back_crops": len(self.held_back),
            "reached": _numbers(self.reached),
            "torch": torch.__version__,
        }
        weights = WeightsConfig(
            preset=self.config.preset,
            model=self.config.model,
            quantiser=self.quantiser(),
            recipe=recipe,
        )
        path = self.out / f"{self.config.preset}.safetensors"
        temporary = path.with_suffix(".partial")
        state: dict[str, Tensor] = {name: tensor.cpu() for name, tensor in self.ema.state_dict().items()}
        temporary.write_bytes(weights_bytes(weights.model_dump_json(), state))
        temporary.replace(path)
        return path


def _schedule(step: int, config: TrainConfig) -> float:
    """Learning rate over its peak: warm-up, constant, linear to zero."""
    optimiser = config.optimiser
    warm = min(1.0, (step + 1) / optimiser.warmup_steps) if optimiser.warmup_steps else 1.0
    start = optimiser.decay_from * config.steps
    if step < start:
        return warm
    return warm * (config.steps - step) / max(1.0, config.steps - start)


def _numbers(reached: RateDistortion) -> dict[str, float | None]:
    pairs = (("ratio", reached.ratio), ("bpp", reached.bpp), ("psnr_db", reached.psnr_db))
    return {name: round(value, 4) if math.isfinite(value) else None for name, value in pairs}


def _step_of(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return 2**62  # a line cut by a kill
