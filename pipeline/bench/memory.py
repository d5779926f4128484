"""Resident memory of driver and workers over a long run of small images."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from PIL import Image as PillowImage

from pipeline.compress.run import CompressRun
from pipeline.config import CompressConfig
from pipeline.progress import Follower
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage

_SAMPLE_S = 1.0
_SMALL_SIDE = 64
_SMALL_VARIANTS = 200
_PER_FOLDER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySample:
    """Resident bytes at one moment of a run."""

    finished: int
    """Images done."""
    driver_bytes: int
    worker_bytes: int
    """The largest worker."""


def measure_memory(images: Path, *, count: int, workers: int, config: CompressConfig) -> list[MemorySample]:
    """Resident memory of driver and workers while `count` small images (64x64 crops of real ones) are encoded."""
    samples: list[MemorySample] = []
    with TemporaryDirectory(prefix="tenfold-bench-") as folder:
        source = Path(folder, "source")
        _make_small(images, source, count)
        run_config = config.model_copy(
            update={"workers": config.workers.model_copy(update={"count": workers}), "commit_seconds": 1.0}
        )
        run = CompressRun(parse_source(str(source)), Storage(Path(folder, "archive")), run_config)
        done = threading.Event()
        follower = Follower()

        def sample() -> None:
            while not done.wait(_SAMPLE_S):
                driver, worker = _resident()
                samples.append(
                    MemorySample(
                        finished=follower.progress.finished, driver_bytes=driver, worker_bytes=worker
                    )
                )

        sampler = threading.Thread(target=sample, daemon=True)
        sampler.start()
        try:
            run.run(follower)
        finally:
            done.set()
            sampler.join()
    return samples


def _resident() -> tuple[int, int]:
    me = psutil.Process()
    driver = int(me.memory_info().rss)
    workers = [0]
    for child in me.children(recursive=True):
        try:
            if "ray::" in " ".join(child.cmdline()):
                workers.append(int(child.memory_info().rss))
        except psutil.Error:
            continue
    return driver, max(workers)


def _make_small(images: Path, source: Path, count: int) -> None:
    files = [Path(image.url) for image in parse_source(str(images)).images()][:_SMALL_VARIANTS]
    templates = []
    (source / "templates").mkdir(parents=True)
    for number, file in enumerate(files):
        with PillowImage.open(file) as opened:
            crop = opened.convert("RGB").crop((0, 0, _SMALL_SIDE, _SMALL_SIDE))
        path = source / "templates" / f"{number}.png"
        crop.save(path)
        templates.append(path)
    for number in range(count):
        folder = source / f"{number // _PER_FOLDER:04d}"
        folder.mkdir(exist_ok=True)
        os.link(templates[number % len(templates)], folder / f"{number:06d}.png")
    shutil.rmtree(source / "templates")
