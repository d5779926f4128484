"""Benchmarks of the road itself: the job against the bare codec on the same cores, and memory over a long run."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from codec.codec import Codec
from codec.contract import EncodeOptions
from codec.cpus import usable_cpus
from codec.registry import load_codec
from pipeline.compress.run import CompressRun
from pipeline.compress.summary import RunSummary
from pipeline.config import CompressConfig, WorkersConfig
from pipeline.encode.rows import coded_row
from pipeline.encode.types import Coded, Fetched
from pipeline.errors import SourceError
from pipeline.image.read import read_image, to_rgb
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from pipeline.types import Image, SourceImage
from pipeline.workers.freed_memory import keep_freed_memory
from pipeline.workers.placement import place


@dataclass(frozen=True, slots=True, kw_only=True)
class Overhead:
    """One round: seconds of the same images on the same cores."""

    images: int
    megapixels: float
    workers: int
    job_s: float
    """The job from workers up to the last commit."""
    job_start_s: float
    """Before that: Ray, processes, model load."""
    bare_s: float
    """A plain loop in as many processes: read, decode, encode, self-check, PSNR, MS-SSIM, deflate, write."""
    bare_encode_s: float
    """The same loop without check and measures: read, decode, encode, write."""

    @property
    def ratio(self) -> float:
        """Job over bare loop with the same work."""
        return self.job_s / self.bare_s

    @property
    def over_encode(self) -> float:
        """Job over bare loop that neither checks nor measures."""
        return self.job_s / self.bare_encode_s


def default_workers(config: WorkersConfig) -> int:
    """As many as a run on this machine alone would have."""
    machine = {"CPU": float(usable_cpus()), "GPU": float(torch.cuda.device_count())}
    return place([machine], config, wants_gpu=True).count


def measure_overhead(
    images: Path, *, count: int, workers: int, quality: int, config: CompressConfig
) -> tuple[Overhead, RunSummary]:
    """Time the job and the bare codec on the first `count` images of a folder, one after the other.

    Raises:
        SourceError: the folder holds fewer images.
    """
    files = [Path(image.url) for image in parse_source(str(images)).images()]
    if len(files) < count:
        raise SourceError(f"Expected at least {count} images in {images}, got {len(files)}.")
    files = files[:count]
    with TemporaryDirectory(prefix="tenfold-bench-") as folder:
        source = Path(folder, "source")
        source.mkdir()
        for number, file in enumerate(files):
            (source / f"{number:06d}{file.suffix}").symlink_to(file.resolve())
        bare, _ = _bare(source, Path(folder, "bare"), workers, quality, measured=True)
        encode, _ = _bare(source, Path(folder, "encode"), workers, quality, measured=False)
        summary = _job(source, Path(folder, "archive"), workers, quality, config)
    megapixels = summary.raw_bytes / 3e6
    overhead = Overhead(
        images=count,
        megapixels=megapixels,
        workers=workers,
        job_s=summary.seconds - summary.start_seconds,
        job_start_s=summary.start_seconds,
        bare_s=bare,
        bare_encode_s=encode,
    )
    return overhead, summary


def _job(source: Path, archive: Path, workers: int, quality: int, config: CompressConfig) -> RunSummary:
    run_config = config.model_copy(
        update={
            "codec": config.codec.model_copy(update={"quality": quality, "ratio": None, "bpp": None}),
            "workers": config.workers.model_copy(update={"count": workers}),
        }
    )
    return CompressRun(parse_source(str(source)), Storage(archive), run_config).run().summary


def _bare(source: Path, out: Path, workers: int, quality: int, *, measured: bool) -> tuple[float, int]:
    """Seconds (processes and model already up) and payload bytes of a plain loop."""
    out.mkdir()
    files = sorted(source.iterdir())
    shares = [files[start::workers] for start in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_load) as processes:
        list(processes.map(time.sleep, [0.5] * workers))  # long enough that every process takes one
        started = time.perf_counter()
        jobs = [
            processes.submit(_loop, share, out / f"{n}.bin", quality, measured)
            for n, share in enumerate(shares)
        ]
        written = sum(job.result() for job in jobs)
        return time.perf_counter() - started, written


_codec: Codec | None = None


def _load() -> None:
    """Once in every process, as in an actor: one thread, and the codec resident."""
    global _codec
    keep_freed_memory()
    torch.set_num_threads(1)
    _codec = load_codec(CompressConfig().codec.id)


def _loop(files: Sequence[Path], out: Path, quality: int, measured: bool) -> int:
    codec = _codec or load_codec(CompressConfig().codec.id)
    written = 0
    with out.open("wb") as sink:
        for file in files:
            data = file.read_bytes()
            image = read_image(data)
            if not isinstance(image, Image):
                continue
            encoded = codec.encode([to_rgb(image)], EncodeOptions(quality=quality))[0]
            if measured:
                decoded = codec.decode([encoded.payload])[0].pixels
                source = SourceImage(key=file.name, url=str(file))
                fetched = Fetched(source=source, data=data, content=image, read_s=0.0, decode_s=0.0)
                coded = Coded(image=image, encoded=encoded, decoded=decoded, quality=quality)
                coded_row(fetched, coded, codec=codec.id, effort=0, run="bench")
            written += sink.write(encoded.payload)
        sink.flush()
        os.fsync(sink.fileno())
    return written
