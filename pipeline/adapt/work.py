"""One attempt, from its sample to what came of it: read, measure, train, measure again, judge.

Where what was learned from all images is not to be taken, because it helps some of them and costs others, it goes on
with those that it helped: then the archive has several sets of weights, and each image takes the one that suits it.
What the training has so far is kept in the archive now and then, so that another process goes on from there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from codec.adaptation.adapt import adapt
from codec.adaptation.folder import Adapted
from codec.adaptation.settings import AdaptationSettings
from codec.adaptation.verdict import LEAST_IMAGES
from codec.adaptation.watch import AdaptationProgress
from codec.codec import Codec
from codec.device import resolve_device
from codec.errors import CodecConfigError, TooFewImagesError
from codec.registry import load_codec
from codec.training.image_crops import Crops
from codec.weights_file import digest_of
from pipeline.adapt.attempt import Attempt
from pipeline.adapt.budget import expected_bytes, expected_pixels, training_seconds, why_not_worth_it
from pipeline.adapt.held_back import HeldBackImages
from pipeline.adapt.learned import Learned, evidence_of
from pipeline.adapt.loaded_sample import LoadedSample, load_sample
from pipeline.adapt.proposals import Proposal, Proposals, helped_crops
from pipeline.adapt.stored_folder import StoredFolder
from pipeline.archive.weights import read_stored_weights
from pipeline.config import AdaptConfig, CompressConfig
from pipeline.encode.exact_policy import ExactPolicy
from pipeline.encode.read_ahead import ReadAhead
from pipeline.events import AdaptationAdvanced
from pipeline.source.source import Source
from pipeline.store.storage import Storage

_Step = Literal["reading", "measuring", "judging", "sorting"]
_KEEP_EVERY_S: Final = 30.0
"""What a kill costs, at most."""
_SETTLED: Final = "settings.json"


class StoppedError(Exception):
    """Whoever drives the learning asked it to end; it goes on another time."""


class AdaptWork:
    """The work of one process on one attempt. Use once."""

    def __init__(
        self,
        archive: Storage,
        source: Source,
        config: CompressConfig,
        adapt_config: AdaptConfig,
        attempt: Attempt,
        *,
        threads: int,
        tell: Callable[[AdaptationAdvanced], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        """Contact nothing yet.

        Args:
            tell: hears after every image and every step how far it is.
            is_stopped: asked as often; once it says so, the work ends with a checkpoint.
        """
        self._archive = archive
        self._source = source
        self._config = config
        self._adapt_config = adapt_config
        self._attempt = attempt
        self._threads = threads
        self._tell = tell
        self._is_stopped = is_stopped
        self._settings = AdaptationSettings(steps=1)
        self._seconds, self._steps = 0.0, 0

    def run(self, folder: Path) -> Learned:
        """Do it, or go on with it.

        Args:
            folder: an empty one of this machine.
        Raises:
            StoppedError: it was asked to end.
            StorageError, ArchiveError: source or archive do not answer, or lack something.
            CodecError: this codec cannot learn, or the training failed.
        """
        kept = StoredFolder(self._archive, self._attempt.out, folder)
        kept.fetch()
        codec, current = self._current()
        loaded = self._read()
        if len(loaded.held_back) < LEAST_IMAGES:
            return Learned.nothing(_too_few(loaded), learned_from=loaded.learned_from)
        quality = self._config.codec.quality_of(codec)
        held_back = HeldBackImages(
            loaded.held_back, family=self._attempt.codec, quality=quality, folder=folder
        )
        before = held_back.measured(current, partial(self._advance, "measuring", len(loaded.held_back)))
        kept.keep()
        pixels = expected_pixels(self._attempt.sample, loaded)
        num_bytes = expected_bytes(pixels, loaded, before, self._config.codec, quality)
        against = why_not_worth_it(self._adapt_config, num_bytes)
        if against is not None:
            return Learned.nothing(against, learned_from=loaded.learned_from)
        self._settings = self._settled(folder, pixels)
        proposals = Proposals(self._archive, held_back, current, before, expected_bytes=num_bytes)
        try:
            proposal = self._proposed(proposals, current[-1], loaded, folder, kept)
        except TooFewImagesError:
            return Learned.nothing(_too_few(loaded), learned_from=loaded.learned_from)
        if proposal.verdict.accepted:
            proposals.store(proposal)
        return Learned(
            accepted=proposal.verdict.accepted,
            reason=proposal.verdict.reason,
            weights=tuple(digest_of(weights) for weights in proposal.sets),
            learned_from=loaded.learned_from,
            seconds=round(self._seconds, 1),
            steps=self._steps,
            evidence=evidence_of(proposal.verdict, loaded.held_back_keys),
        )

    def _proposed(
        self, proposals: Proposals, start: bytes, loaded: LoadedSample, folder: Path, kept: StoredFolder
    ) -> Proposal:
        """What was learned from all images; where that is not to be taken, from those that it helped."""
        on_image = partial(self._advance, "judging", len(loaded.held_back))
        first = self._adapt(start, loaded.learn, self._settings, folder, kept)
        proposal = proposals.propose(first, start, on_image)
        if proposal.verdict.accepted and proposal.is_alone:
            return proposal
        on_crop = partial(self._advance, "sorting", loaded.learned_from)
        helped = helped_crops(proposals.held_back, start, first.weights, loaded.learn, on_crop)
        if helped is None:
            return proposal
        second = self._adapt(start, helped, _shorter(self._settings), folder / "helped", kept)
        return min(proposal, proposals.propose(second, start, on_image), key=lambda one: one.rank)

    def _current(self) -> tuple[Codec, list[bytes]]:
        """The codec as the archive encodes now, and its sets of weights."""
        digests = self._attempt.weights_before
        files = [read_stored_weights(self._archive, digest) for digest in digests]
        codec = load_codec(self._attempt.codec, device="cpu", encode_with=files[0] if files else None)
        if len(codec.weights) != 1:
            raise CodecConfigError(f"expected a codec that can learn, such as hyper-1, got {codec.id}")
        return codec, files or list(codec.weights.values())

    def _read(self) -> LoadedSample:
        sample = self._attempt.sample
        policy = ExactPolicy(self._config.lossless, self._config.max_error)
        ahead = ReadAhead(self._source.read, self._config, policy=policy, threads=self._threads)
        total = len(sample.learn) + len(sample.held_back)
        try:
            return load_sample(
                sample,
                ahead,
                seed=self._adapt_config.seed,
                patch=self._settings.patch,
                on_image=partial(self._advance, "reading", total),
            )
        finally:
            ahead.close()

    def _settled(self, folder: Path, pixels: float) -> AdaptationSettings:
        """How to train, as it was settled when the attempt began: images may have gone since."""
        path = folder / _SETTLED
        if not path.exists():
            path.write_text(json.dumps({"seconds": training_seconds(self._adapt_config, pixels)}))
        steps = self._adapt_config.steps
        return AdaptationSettings(
            seconds=json.loads(path.read_text())["seconds"] if steps is None else None,
            steps=steps,
            seed=self._adapt_config.seed,
        )

    def _adapt(
        self, start: bytes, crops: Crops, settings: AdaptationSettings, out: Path, kept: StoredFolder
    ) -> Adapted:
        kept_at = time.monotonic()
        total = settings.seconds or float(settings.steps or 0)
        step = 0

        def on_progress(progress: AdaptationProgress) -> None:
            nonlocal kept_at, step
            step = progress.step
            self._tell_learning(progress.fraction_done * total, total, progress.gain_percent)
            if time.monotonic() - kept_at >= _KEEP_EVERY_S:
                kept.keep()
                kept_at = time.monotonic()

        self._tell_learning(0.0, total, None)
        adapted = adapt(
            start,
            crops,
            family=self._attempt.codec,
            settings=settings,
            out=out,
            device=resolve_device("auto"),
            stop=lambda _progress: self._is_stopped(),
            on_progress=on_progress,
        )
        kept.keep()
        if adapted is None:
            raise StoppedError
        self._seconds += settings.seconds or 0.0
        self._steps += step
        return adapted

    def _tell_learning(self, done: float, total: float, gain_percent: float | None) -> None:
        self._tell(AdaptationAdvanced(step="learning", done=done, total=total, gain_percent=gain_percent))

    def _advance(self, step: _Step, total: int, done: int) -> None:
        self._tell(AdaptationAdvanced(step=step, done=done, total=total))
        if self._is_stopped():
            raise StoppedError


def _shorter(settings: AdaptationSettings) -> AdaptationSettings:
    """For a part of the images, beside what was learned from all."""
    if settings.seconds is not None:
        return replace(settings, seconds=settings.seconds / 2)
    return replace(settings, steps=-(-(settings.steps or 1) // 2))


def _too_few(loaded: LoadedSample) -> str:
    return (
        f"too few images to learn from: of {loaded.read} that were read, {loaded.learned_from} can be learned from "
        f"and {len(loaded.held_back)} were held back to judge by; the rest is small, stored without loss or kept, or "
        "not there twice"
    )
