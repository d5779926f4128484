"""Every metric that a run keeps. Names are Prometheus' own way: base units, `_total` where it only grows.

On a Ray cluster Ray puts `ray_` before each name. No label ever holds a key or a sentence: their values are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

COMMON_LABELS: Final = ("archive", "verb")
"""Of every metric, before its own."""
_SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A family of time series."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    words: str
    labels: tuple[str, ...] = ()
    """Beside `COMMON_LABELS`."""
    buckets: tuple[float, ...] = ()
    """Upper bounds, of a histogram."""


IMAGES: Final = Metric(
    name="tenfold_images_total",
    kind="counter",
    words="Images that were worked on: coded, lossless, bounded, kept or failed; decoded, checked or compared.",
    labels=("status",),
)
MEGAPIXELS: Final = Metric(
    name="tenfold_megapixels_total", kind="counter", words="Their pixels, in millions.", labels=("status",)
)
SOURCE_BYTES: Final = Metric(
    name="tenfold_source_bytes_total",
    kind="counter",
    words="Bytes of the files that stored images came from.",
    labels=("status",),
)
STORED_BYTES: Final = Metric(
    name="tenfold_stored_bytes_total",
    kind="counter",
    words="Bytes of the payloads that were stored for them.",
    labels=("status",),
)
FAILURES: Final = Metric(
    name="tenfold_failures_total",
    kind="counter",
    words="Images that failed, by the kind of reason.",
    labels=("reason",),
)
PROBLEMS: Final = Metric(
    name="tenfold_problems_total", kind="counter", words="Problems that verify or repair found."
)
WORKER_MEGAPIXELS: Final = Metric(
    name="tenfold_worker_megapixels_total",
    kind="counter",
    words="Millions of pixels that a worker finished.",
    labels=("worker",),
)
STAGE_SECONDS: Final = Metric(
    name="tenfold_stage_seconds",
    kind="histogram",
    words="Seconds of work in one stage of a unit, summed over threads.",
    labels=("stage",),
    buckets=_SECONDS,
)
CODEC_WAITED: Final = Metric(
    name="tenfold_codec_waited_seconds_total",
    kind="counter",
    words="A codec, and its GPU, stood still until an image was read.",
)
IMAGES_WAITED: Final = Metric(
    name="tenfold_images_waited_seconds_total",
    kind="counter",
    words="Images that were read waited for a codec, summed over images.",
)
COMMIT_SECONDS: Final = Metric(
    name="tenfold_commit_seconds",
    kind="histogram",
    words="Seconds that a commit to the catalogue took.",
    buckets=_SECONDS,
)
PLANNED: Final = Metric(
    name="tenfold_images_planned", kind="gauge", words="Images that this run has listed to be worked on."
)
UNFINISHED: Final = Metric(
    name="tenfold_images_unfinished", kind="gauge", words="Of the planned images, those not finished."
)
UNCOMMITTED: Final = Metric(
    name="tenfold_images_uncommitted", kind="gauge", words="Finished images that are not in the catalogue."
)
TASKS: Final = Metric(name="tenfold_tasks_in_flight", kind="gauge", words="Tasks that workers hold.")
CAPACITY: Final = Metric(
    name="tenfold_tasks_capacity", kind="gauge", words="Tasks that keep all workers busy."
)
WORKERS: Final = Metric(name="tenfold_workers", kind="gauge", words="Workers that were started.")
BEGAN: Final = Metric(
    name="tenfold_run_began_timestamp_seconds", kind="gauge", words="When the run began, in Unix time."
)
ENDED: Final = Metric(
    name="tenfold_run_ended_timestamp_seconds",
    kind="gauge",
    words="When a run last came to its end, in Unix time; a run that fails or is killed does not.",
)
METRICS: Final = (
    *(IMAGES, MEGAPIXELS, SOURCE_BYTES, STORED_BYTES, FAILURES, PROBLEMS, WORKER_MEGAPIXELS),
    *(STAGE_SECONDS, CODEC_WAITED, IMAGES_WAITED, COMMIT_SECONDS),
    *(PLANNED, UNFINISHED, UNCOMMITTED, TASKS, CAPACITY, WORKERS, BEGAN, ENDED),
)
