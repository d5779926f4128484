"""One attempt, from its sample to what came of it: read, measure, train, measure again, judge.

What the training has so far is kept in the archive now and then, so that another process goes on from there.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Literal

from codec.adaptation import judge as judging
from codec.adaptation.adapt import adapt
from codec.adaptation.folder import Adapted
from codec.adaptation.judge import Verdict, judge
from codec.adaptation.measured import Measured, measure
from codec.adaptation.settings import AdaptationSettings
from codec.adaptation.watch import AdaptationProgress
from codec.contract import Codec
from codec.device import resolve_device
from codec.errors import CodecConfigError, TooFewImagesError
from codec.registry import load_codec
from codec.weights_file import digest_of, weights_name
from pipeline.adapt.attempt import Attempt
from pipeline.adapt.budget import expected_bytes, expected_pixels, training_seconds, why_not_worth_it
from pipeline.adapt.learned import Learned
from pipeline.adapt.pictures import Pictures, read_pictures
from pipeline.adapt.stored_folder import StoredFolder
from pipeline.archive.adaptations import BandOfQuality, Evidence
from pipeline.archive.weights import archived_digests, read_stored_weights, store_difference, store_weights
from pipeline.config import AdaptConfig, CompressConfig
from pipeline.encode.exact_policy import ExactPolicy
from pipeline.encode.read_ahead import ReadAhead
from pipeline.image.read import ReadLimits
from pipeline.progress import AdaptationAdvanced
from pipeline.source.source import Source
from pipeline.store.storage import Storage

_KEEP_EVERY_S: Final = 30.0
"""What a kill costs, at most."""
_SETTLED: Final = "settings.json"


class StoppedError(Exception):
    """Whoever drives the learning asked it to end; it goes on another time."""


class Learning:
    """The work of one process on one attempt. Use once."""

    def __init__(
        self,
        archive: Storage,
        source: Source,
        config: CompressConfig,
        told: AdaptConfig,
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
        self._told = told
        self._attempt = attempt
        self._threads = threads
        self._tell = tell
        self._is_stopped = is_stopped
        self._settings = AdaptationSettings(steps=1)

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
        codec, start = self._start()
        pictures = self._read()
        if len(pictures.held_back) < judging.LEAST_IMAGES:
            return _refused(_too_few(pictures), pictures)
        before = self._measure(pictures, start, "measuring")
        pixels = expected_pixels(self._attempt.sample, pictures)
        told = self._config.codec
        num_bytes = expected_bytes(pixels, pictures, before, told, told.quality_of(codec))
        against = why_not_worth_it(self._told, num_bytes, len(start))
        if against is not None:
            return _refused(against, pictures)
        self._settings = self._settled(folder, pixels)
        began = time.monotonic()
        try:
            adapted, steps = self._adapt(start, pictures, folder, kept)
        except TooFewImagesError:
            return _refused(_too_few(pictures), pictures)
        seconds = self._settings.seconds or time.monotonic() - began
        after = self._measure(pictures, adapted.weights, "judging")
        difference = adapted.difference if digest_of(start) in archived_digests(self._archive) else None
        verdict = judge(
            before, after, weights_bytes=len(difference or adapted.weights), expected_bytes=num_bytes
        )
        if verdict.accepted:
            self._store(start, adapted.weights, difference)
        return Learned(
            accepted=verdict.accepted,
            reason=verdict.reason,
            weights=digest_of(adapted.weights),
            learned_from=pictures.learned_from,
            seconds=round(seconds, 1),
            steps=steps,
            evidence=_evidence(verdict, pictures),
        )

    def _start(self) -> tuple[Codec, bytes]:
        """The codec as the archive encodes now, and its weights file."""
        digests = self._attempt.weights_before
        encode_with = read_stored_weights(self._archive, digests[0]) if digests else None
        codec = load_codec(self._attempt.codec, device="cpu", encode_with=encode_with)
        if len(codec.weights) != 1:
            raise CodecConfigError(f"expected a codec that can learn, such as hyper-1, got {codec.id}")
        return codec, next(iter(codec.weights.values()))

    def _read(self) -> Pictures:
        sample = self._attempt.sample
        ahead = ReadAhead(
            self._source.read,
            limits=ReadLimits(max_pixels=int(self._config.limits.max_megapixels * 1e6)),
            policy=ExactPolicy(self._config.lossless, self._config.max_error),
            buffer_bytes=int(self._config.workers.buffer_mib * 2**20),
            fetch_threads=max(4, 2 * self._threads),
            decode_threads=self._threads,
        )
        total = len(sample.learn) + len(sample.held_back)
        try:
            return read_pictures(
                sample,
                ahead,
                seed=self._told.seed,
                patch=self._settings.patch,
                on_image=partial(self._advance, "reading", total),
            )
        finally:
            ahead.close()

    def _measure(self, pictures: Pictures, weights: bytes, step: Literal["measuring", "judging"]) -> Measured:
        return measure(
            pictures.held_back,
            weights,
            family=self._attempt.codec,
            on_image=partial(self._advance, step, len(pictures.held_back)),
        )

    def _settled(self, folder: Path, pixels: float) -> AdaptationSettings:
        """How to train, as it was settled when the attempt began: images may have gone since."""
        path = folder / _SETTLED
        if not path.exists():
            path.write_text(json.dumps({"seconds": training_seconds(self._told, pixels)}))
        steps = self._told.steps
        return AdaptationSettings(
            seconds=json.loads(path.read_text())["seconds"] if steps is None else None,
            steps=steps,
            seed=self._told.seed,
        )

    def _adapt(
        self, start: bytes, pictures: Pictures, folder: Path, kept: StoredFolder
    ) -> tuple[Adapted, int]:
        """What was learned, and in how many steps."""
        steps, kept_at = 0, time.monotonic()
        total = self._settings.seconds or float(self._settings.steps or 0)

        def on_progress(progress: AdaptationProgress) -> None:
            nonlocal steps, kept_at
            steps = progress.step
            self._tell(
                AdaptationAdvanced(
                    step="learning",
                    done=progress.fraction_done * total,
                    total=total,
                    gain_percent=progress.gain_percent,
                )
            )
            if time.monotonic() - kept_at >= _KEEP_EVERY_S:
                kept.keep()
                kept_at = time.monotonic()

        adapted = adapt(
            start,
            pictures.learn,
            family=self._attempt.codec,
            settings=self._settings,
            out=folder,
            device=resolve_device("auto"),
            stop=lambda _progress: self._is_stopped(),
            on_progress=on_progress,
        )
        kept.keep()
        if adapted is None:
            raise StoppedError
        return adapted, steps

    def _advance(self, step: Literal["reading", "measuring", "judging"], total: int, done: int) -> None:
        self._tell(AdaptationAdvanced(step=step, done=done, total=total))
        if self._is_stopped():
            raise StoppedError

    def _store(self, start: bytes, weights: bytes, difference: bytes | None) -> None:
        """Put what was learned into the archive, where a record can name it."""
        if difference is None:
            store_weights(self._archive, {weights_name(digest_of(weights)): weights})
        else:
            store_difference(self._archive, weights, difference, base=start)


def _too_few(pictures: Pictures) -> str:
    return (
        f"too few images to learn from: of {pictures.read} that were read, {pictures.learned_from} can be learned from "
        f"and {len(pictures.held_back)} were held back to judge by; the rest is small, stored without loss or kept, or "
        "not there twice"
    )


def _refused(reason: str, pictures: Pictures) -> Learned:
    return Learned(
        accepted=False,
        reason=reason,
        weights=None,
        learned_from=pictures.learned_from,
        seconds=0.0,
        steps=0,
        evidence=None,
    )


def _evidence(verdict: Verdict, pictures: Pictures) -> Evidence | None:
    if verdict.worst_image is None:
        return None
    return Evidence(
        images=verdict.images,
        percent=verdict.percent,
        bands=tuple(
            BandOfQuality(from_quality=band.from_quality, to_quality=band.to_quality, percent=band.percent)
            for band in verdict.bands
        ),
        worst_key=pictures.held_back_keys[verdict.worst_image],
        worst_percent=verdict.worst_percent,
        weights_bytes=verdict.weights_bytes,
        pays_back_after_bytes=verdict.pays_back_after_bytes,
    )
