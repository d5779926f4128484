"""An archive learns from its images, or stays as it was; and whatever happens, every image decodes.

The training and the measurement are played: what they make is the matter of `codec/adaptation`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

import pipeline.adapt.held_back
import pipeline.adapt.work
import pipeline.compress.run_codec
import pipeline.decode.resident_codecs
import pipeline.encode.tasks
from codec.adaptation.folder import Adapted
from codec.adaptation.measured import MeasuredImage, MeasuredPoint, MeasuredWeights
from codec.adaptation.settings import AdaptationSettings
from codec.adaptation.watch import AdaptationProgress
from codec.codec import Codec
from codec.contract import RGB
from codec.weights_file import digest_of
from pipeline.adapt.run import AdaptOutcome, AdaptRun
from pipeline.archive.adaptations import (
    adaptations,
    current_adaptation,
    without_weights,
    write_adaptation,
)
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import weights_path
from pipeline.archive.lease import Lease
from pipeline.compress.adapt_first import adapt_first
from pipeline.compress.nightly import NightlyRun
from pipeline.compress.run import CompressRun
from pipeline.config import AdaptConfig, CodecConfig, CompressConfig, NightlyConfig, WorkersConfig
from pipeline.decode.archive import Archive
from pipeline.encode.weights_choice import WeightsChoice
from pipeline.errors import ArchiveError, LockedError
from pipeline.events import AdaptationAdvanced, Event
from pipeline.prune.retention import Retention
from pipeline.prune.run import PruneRun, PruneSummary
from pipeline.repair.run import RepairRun
from pipeline.report.as_markdown import report_markdown
from pipeline.report.report import catalogue_report
from pipeline.sampling import Sampling
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from pipeline.verify.run import VerifyRun
from tests.support.plain_codec import SHIPPED, load_plain

TUNED, TUNED_AGAIN = b"what was learned first", b"what was learned then"
CONFIG = CompressConfig(
    codec=CodecConfig(id="plain-1", quality=40), workers=WorkersConfig(count=0), adapt=AdaptConfig(time="1m")
)


@dataclass
class Training:
    """The training and the measurement, as they are played."""

    rates: dict[bytes, float] = field(default_factory=lambda: {SHIPPED: 1.0, TUNED: 0.8, TUNED_AGAIN: 0.9})
    makes: bytes = TUNED
    difference: bytes | None = None
    helps_bright_ones: bool = False
    """And nothing else: then what is learned makes the others larger."""
    interrupted_at: int | None = None
    """The step at which the process is killed; whoever goes on begins at the last step that was kept."""
    steps_done: list[int] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def adapt(
        self,
        start: bytes,
        crops: Any,
        *,
        out: Path,
        stop: Callable[[AdaptationProgress], bool],
        on_progress: Callable[[AdaptationProgress], None],
        **_: object,
    ) -> Adapted | None:
        kept = out / "checkpoint.pt"
        first = int(kept.read_text()) if kept.exists() else 0
        for step in range(first, 5):
            self.steps_done.append(step)
            kept.write_text(str(step + 1))
            progress = AdaptationProgress(
                step=step + 1, fraction_done=(step + 1) / 5, seconds_left=0.0, gain_percent=-10.0
            )
            on_progress(progress)
            if stop(progress) or step == self.interrupted_at:
                return None
        return Adapted(weights=self.makes, difference=self.difference, steps=5)

    def measure(
        self, images: Sequence[RGB], weights: bytes, *, on_image: Callable[[int], None], **_: object
    ) -> MeasuredWeights:
        self.seen[digest_of(weights).hex()] += len(images)
        on_image(len(images))
        return MeasuredWeights(images=tuple(_curve(self.rate(weights, image)) for image in images))

    def rate(self, weights: bytes, image: RGB) -> float:
        return (
            1.2
            if self.helps_bright_ones and weights != SHIPPED and not is_bright(image)
            else self.rates[weights]
        )


def is_bright(image: RGB) -> bool:
    return bool(image.mean() > 128)


def _curve(rate: float) -> MeasuredImage:
    points = (
        MeasuredPoint(quality=q, num_bytes=round(rate * 1000 * 2 ** (q / 10)), psnr_db=20 + q / 3)
        for q in (4.0, 24.0, 44.0, 63.0)
    )
    return MeasuredImage(points=tuple(points))


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    played = Training()
    modules = (pipeline.compress.run_codec, pipeline.encode.tasks, pipeline.decode.resident_codecs)
    for module in (*modules, pipeline.adapt.work, pipeline.adapt.held_back):
        monkeypatch.setattr(module, "load_codec", load_plain)
    monkeypatch.setattr(pipeline.adapt.work, "AdaptationSettings", partial(AdaptationSettings, patch=64))
    monkeypatch.setattr(pipeline.adapt.work, "adapt", played.adapt)
    monkeypatch.setattr(pipeline.adapt.held_back, "measure", played.measure)
    return played


def add_images(folder: Path, numbers: range) -> None:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        chance = np.random.default_rng(number)
        pixels = np.cumsum(chance.integers(-3, 4, (64, 80, 3)), axis=1) + (64 if number % 2 else 192)
        PIL.Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:03d}.bmp")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    add_images(tmp_path / "source", range(24))
    return tmp_path / "source"


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "archive"))


def compress(source: Path, archive: Storage, config: CompressConfig = CONFIG) -> AdaptOutcome | None:
    opened = parse_source(str(source), config.reading, exclude=archive.url)
    learned = adapt_first(opened, archive, config)
    CompressRun(opened, archive, config).run()
    return learned


def adapt(source: Path, archive: Storage, adapt_config: AdaptConfig | None = None) -> AdaptOutcome:
    opened = parse_source(str(source), CONFIG.reading, exclude=archive.url)
    return AdaptRun(opened, archive, CONFIG, adapt_config or AdaptConfig(time="1m")).run()


def weights_of_rows(archive: Storage) -> Counter[str]:
    rows = Catalogue(archive).table(["key", "weights", "status"])
    assert set(rows["status"].to_pylist()) == {"coded"}
    return Counter(rows["weights"].to_pylist())


def assert_sound(archive: Storage, level: str = "decode") -> None:
    config = CONFIG.model_copy(update={"adapt": None})
    summary = VerifyRun(archive, config, level=level).run()  # type: ignore[arg-type]
    assert summary.sound, summary.problems


def prune(archive: Storage, *, hours: float) -> PruneSummary:
    """As it would be after so many hours."""
    now = datetime.now(UTC) + timedelta(hours=hours)
    rules = Retention(keep_versions=1, grace=timedelta(hours=1))
    return PruneRun(archive, rules, clock=lambda: now).apply()


def hexes(*weights: bytes) -> tuple[str, ...]:
    return tuple(digest_of(data).hex() for data in weights)


class TestAccepted:
    def test_new_rows_use_what_was_learned_and_old_ones_decode(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        assert compress(source, archive, CONFIG.model_copy(update={"adapt": None})) is None
        record = adapt(source, archive).record
        assert record is not None
        assert record.accepted, record.reason
        assert (record.weights_before, record.weights) == ((), hexes(TUNED))
        assert record.evidence is not None
        assert record.evidence.percent == pytest.approx(-20, abs=0.1)
        add_images(source, range(24, 30))
        compress(source, archive, CONFIG.model_copy(update={"adapt": None}))
        assert weights_of_rows(archive) == dict(zip(hexes(SHIPPED, TUNED), (24, 6), strict=True))
        assert_sound(archive)
        assert [info.path for info in archive.list("adapt")] == [], "what was under way is gone"
        prune(archive, hours=0)
        prune(archive, hours=2)
        assert_sound(archive)
        report = report_markdown(
            catalogue_report(archive, Catalogue(archive), sampling=Sampling(count=0, seed=0))
        )
        assert "## What this archive has learned" in report
        assert f"| {hexes(TUNED)[0]} | 6 |" in report

    def test_the_images_that_judge_are_not_learned_from(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        learned = compress(source, archive)
        assert learned is not None
        assert learned.record is not None
        judged = set(training.seen.values())
        assert judged == {8}
        assert learned.record.learned_from == 24 - 8 - 4, "and those beside them are in neither"

    def test_it_may_lie_there_as_a_difference(
        self, training: Training, source: Path, archive: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        training.difference = b"from" + TUNED
        monkeypatch.setattr("pipeline.archive.weights.base_digest", lambda difference: digest_of(SHIPPED))
        monkeypatch.setattr(
            "pipeline.archive.weights.rebuild", lambda base, difference: base[:0] + difference[4:]
        )
        compress(source, archive, CONFIG.model_copy(update={"adapt": None}))
        adapt(source, archive)
        add_images(source, range(24, 28))
        compress(source, archive, CONFIG.model_copy(update={"adapt": None}))
        names = {info.path.rpartition("/")[2] for info in archive.list("codec", recursive=False)}
        digest, before = hexes(TUNED, SHIPPED)
        assert names == {f"{before}.safetensors", f"{digest}.difference"}
        assert_sound(archive)
        assert Archive(archive.url).image("027.bmp").pixels.shape == (64, 80, 3)

    def test_nights_go_on_with_it_and_another_is_held_against_it(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        compress(source, archive)
        add_images(source, range(24, 28))
        night = NightlyConfig(source=str(source), archive=archive.url)
        summary = NightlyRun(night, CONFIG.model_copy(update={"adapt": None})).run()
        assert (summary.adaptation, summary.runs[-1].images) == (None, 4)
        assert weights_of_rows(archive) == {hexes(TUNED)[0]: 28}
        training.makes = TUNED_AGAIN  # better than the shipped ones, and not than what is there
        add_images(source, range(28, 30))
        refused = NightlyRun(night, CONFIG).run().adaptation
        assert refused is not None
        assert refused.record is not None
        assert (refused.record.accepted, refused.record.weights) == (False, hexes(TUNED))
        assert weights_of_rows(archive) == {hexes(TUNED)[0]: 30}


class TestTwoKinds:
    def test_each_image_takes_the_weights_that_suit_it(
        self, training: Training, source: Path, archive: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cost(_choice: WeightsChoice, codec: Codec, middle: RGB) -> float:
            (weights,) = codec.weights.values()
            return training.rate(weights, middle)

        training.helps_bright_ones = True
        monkeypatch.setattr(WeightsChoice, "_cost", cost)
        learned = compress(source, archive)
        assert learned is not None
        assert learned.record is not None
        assert learned.record.accepted, learned.record.reason
        assert learned.record.weights == hexes(SHIPPED, TUNED)
        rows = Catalogue(archive).table(["key", "weights"]).to_pylist()
        assert {(int(row["key"][:3]) % 2, row["weights"]) for row in rows} == {
            (0, hexes(TUNED)[0]),
            (1, hexes(SHIPPED)[0]),
        }
        assert_sound(archive)


class TestRefused:
    def test_nothing_changes_but_the_record(self, training: Training, source: Path, archive: Storage) -> None:
        training.rates[TUNED] = 1.05
        learned = compress(source, archive)
        assert learned is not None
        assert learned.record is not None
        assert not learned.record.accepted
        assert "%" in learned.record.reason
        assert weights_of_rows(archive) == {hexes(SHIPPED)[0]: 24}
        assert not archive.exists(weights_path(digest_of(TUNED)))
        assert current_adaptation(archive, "plain-1") is None
        assert [record.adaptation for record in adaptations(archive)] == [learned.record.adaptation]
        assert_sound(archive)

    def test_auto_declines_a_small_source_and_remembers(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        adapt_config = AdaptConfig(time="auto")
        record = adapt(source, archive, adapt_config).record
        assert record is not None
        assert "too little could be saved" in record.reason
        assert training.steps_done == []
        again = adapt(source, archive, adapt_config)
        assert again.record is None
        assert "twice as many" in (again.skipped or "")

    def test_a_few_images_are_too_few(self, training: Training, tmp_path: Path, archive: Storage) -> None:
        add_images(tmp_path / "few", range(5))
        learned = compress(tmp_path / "few", archive)
        assert learned is not None
        assert learned.record is None
        assert learned.skipped == "5 images are too few to learn from: 24 are the least"
        assert weights_of_rows(archive) == {hexes(SHIPPED)[0]: 5}


class TestInterrupted:
    def test_the_same_command_goes_on_from_what_was_kept(
        self, training: Training, source: Path, archive: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        training.interrupted_at = 2
        opened = parse_source(str(source), CONFIG.reading, exclude=archive.url)

        def killed(event: Event) -> None:
            if isinstance(event, AdaptationAdvanced) and event.step == "learning":
                raise KeyboardInterrupt("killed")

        with pytest.raises(KeyboardInterrupt, match="killed"):
            adapt_first(opened, archive, CONFIG, killed)
        assert training.steps_done == [0, 1, 2]
        assert list(adaptations(archive)) == []
        assert prune(archive, hours=0).abandoned_bytes == 0, "it may be gone on with"
        training.interrupted_at = None
        learned = compress(source, archive)
        assert training.steps_done == [0, 1, 2, 3, 4]
        assert learned is not None
        assert learned.record is not None
        assert learned.record.accepted
        assert list(archive.list("adapt")) == []
        assert weights_of_rows(archive) == {hexes(TUNED)[0]: 24}

    def test_a_run_that_learned_before_it_was_killed_goes_on_without_learning_again(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        opened = parse_source(str(source), CONFIG.reading, exclude=archive.url)
        adapt_first(opened, archive, CONFIG)

        def killed(event: Event) -> None:
            if type(event).__name__ == "WorkersStarted":
                raise KeyboardInterrupt("killed")

        with pytest.raises(KeyboardInterrupt, match="killed"):
            CompressRun(opened, archive, CONFIG).run(killed)
        learned = compress(source, archive)
        assert learned is not None
        assert "goes on first" in (learned.skipped or "")
        assert weights_of_rows(archive) == {hexes(TUNED)[0]: 24}
        again = compress(source, archive)
        assert again is not None
        assert again.skipped == "there is nothing new to encode"

    def test_what_nobody_goes_on_with_is_pruned(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        training.interrupted_at = 0
        opened = parse_source(str(source), CONFIG.reading, exclude=archive.url)
        stopped = AdaptRun(opened, archive, CONFIG, AdaptConfig(time="1m"))
        assert stopped.run(stop=lambda: bool(training.steps_done)).record is None
        assert prune(archive, hours=2).abandoned_bytes > 0
        assert list(archive.list("adapt")) == []

    def test_two_at_once_do_no_harm(self, training: Training, source: Path, archive: Storage) -> None:
        with (
            Lease(archive, verb="adapt"),
            pytest.raises(LockedError, match="got the lease of an adapt that runs"),
        ):
            adapt(source, archive)


class TestDamage:
    def test_lost_weights_are_named_and_repair_goes_back_to_the_shipped_ones(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        compress(source, archive)
        archive.delete(weights_path(digest_of(TUNED)))
        calm = CONFIG.model_copy(update={"adapt": None})
        problems = VerifyRun(archive, calm).run().problems
        assert any(problem.path == weights_path(digest_of(TUNED)) for problem in problems)
        add_images(source, range(24, 27))
        with pytest.raises(ArchiveError, match=r"since it learned from its images .*tenfold repair"):
            compress(source, archive, calm)
        summary = RepairRun(archive, calm).run()
        assert summary.unlearned == list(hexes(TUNED))
        assert summary.problems, "images that need them do not decode"
        compress(source, archive, calm)
        assert weights_of_rows(archive)[hexes(SHIPPED)[0]] == 3

    def test_the_last_record_counts_however_fast_one_follows_another(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        compress(source, archive)
        for number in range(20):
            (newest, *_) = adaptations(archive)
            write_adaptation(archive, without_weights(newest, f"repair-{number}"))
        assert [record.adaptation for record in adaptations(archive)][:20] == [
            f"repair-{number}" for number in reversed(range(20))
        ]

    def test_a_damaged_record_does_not_count_and_is_put_aside(
        self, training: Training, source: Path, archive: Storage
    ) -> None:
        compress(source, archive)
        (path,) = (info.path for info in archive.list("codec/adaptations"))
        archive.write(path, archive.read(path).replace(b"true", b"tru3"))
        calm = CONFIG.model_copy(update={"adapt": None})
        assert [problem.path for problem in VerifyRun(archive, calm).run().problems] == [path]
        assert current_adaptation(archive, "plain-1") is None
        assert RepairRun(archive, calm).run().mended == [path]
        assert_sound(archive)
        assert list(archive.list("codec/adaptations")) == []
