"""What a compress run comes to: the numbers that `tenfold compress` prints and summary.json keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import pyarrow.compute as pc

from codec.codec import Codec
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import WEIGHTS_FOLDER
from pipeline.compress.commits import HeldBack
from pipeline.compress.run_record import RunRecord
from pipeline.config import CodecConfig
from pipeline.encode.sidecars import BROKEN, MISSING
from pipeline.progress import Progress
from pipeline.source.notes import ListingNotes
from pipeline.store.storage import Storage
from pipeline.totals import COLUMNS, Totals

TARGET_TOLERANCE: Final = 0.02
"""A target counts as met within this share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What `tenfold compress --json` prints. Counts and bytes are this run's, but for `archive_bytes`. Ratios are over
    payload bytes, raw means 24-bit RGB. Means and ratios are null when there is nothing to divide by.
    """

    run: str
    images: int
    coded: int
    lossless: int
    bounded: int
    kept: int
    damaged: int
    """Files that are no sound images: of `kept`, and of `held_back`."""
    failed: int
    held_back: list[dict[str, Any]]
    """Of `failed` and `damaged`: key and reason of images whose earlier version stays in the archive; and whether their
    file is `damaged`, else it failed."""
    unchanged: int
    """Images of the source that are as an earlier run saw them."""
    displacing: int
    """Of `images`: those that took the place of one from another URL, under the same key; whether an earlier run or one
    beside this one had stored it."""
    displaced: list[dict[str, str]]
    """Of those that this process displaced, the first ten: key, and the URL of what was there."""
    superseded: int
    """Images encoded here that another run had stored in the meantime, in the same version or a newer one: its rows
    stay, `images` does not count these."""
    failed_before: int
    """Images of the archive that failed in earlier runs, and were not tried again."""
    stopped: bool
    """Before its end, by the clock: a later run takes what is left, and what was not listed."""
    left: int
    """Images planned and not begun; 0 unless `stopped`."""
    skipped: int
    """Objects below the source that are no images, and were left out."""
    listing: ListingNotes
    """What else the listing found."""
    pixels: int
    """Of stored images, as all bytes here."""
    raw_bytes: int
    source_bytes: int
    zip_bytes: int
    """Deflate of raw pixels, over the images whose pixels were decoded."""
    zipped_pixels: int
    zip_source_bytes: int
    payload_bytes: int
    archive_bytes: int
    """Everything that lay in the archive when the run had committed its images: catalogue, weights and the records of
    all runs. What the run writes after that is not in it, a few kB: this summary, its last progress and its seal."""
    weights_bytes: int
    """Of `archive_bytes`: the weights files that payloads need, stored once for all of them."""
    ratio_vs_raw: float | None
    ratio_vs_source: float | None
    zip_ratio_vs_raw: float | None
    bpp: float | None
    target_bpp: float | None
    """What the coded images were to take together; null without a target. Kept images do not count."""
    target_ratio: float | None
    reached_bpp: float | None
    """What the coded images did take, also without a target."""
    reached_ratio: float | None
    target_met: bool | None
    """Within 2 %; null without a target or a coded image."""
    psnr_db: float | None
    ms_ssim: float | None
    low_psnr: int
    """Coded images under 30 dB PSNR."""
    worst: dict[str, Any] | None
    """Key and PSNR in dB (`key`, `psnr_db`) of the coded image that decodes worst; null when none lost anything."""
    quality: int | None
    """Of all coded images that no floor raised; null with a target: every image has its own."""
    unmapped: int
    """Coded images for which an importance map was asked and is missing or broken: encoded as usual."""
    wordless: int
    """Coded images for which words were asked and are missing or broken: encoded as without them."""
    effort: int
    """How long the payloads of the coded images were improved, 0 to 3."""
    resumed: bool
    seconds: float
    start_seconds: float
    """Of `seconds`: until the workers were up (Ray, model load)."""
    megapixels_per_second: float
    stage_seconds: dict[str, float]
    """Work by stage, summed over workers and threads."""

    @property
    def has_trouble(self) -> bool:
        """Whether something of the source is not stored as it should be: it failed, is damaged or was not seen."""
        return bool(self.failed or self.damaged or self.listing.unlisted)

    @property
    def coded_bpp(self) -> float | None:
        """What the coded images took, under the name that `Totals` has for it."""
        return self.reached_bpp


def summarise(
    archive: Storage,
    catalogue: Catalogue,
    record: RunRecord,
    progress: Progress,
    codec_config: CodecConfig,
    codec: Codec,
    *,
    held_back: Sequence[HeldBack],
    displaced: int,
    first_displaced: Mapping[str, str],
    was_asked_to_stop: bool,
    notes: ListingNotes,
) -> RunSummary:
    """Count a run's rows in the catalogue: the truth, also after a resume.

    Args:
        progress: of the run, at its end.
        codec_config, codec: what was to be reached, and by which codec.
        displaced, first_displaced: images of other sources whose place this process took, and key -> URL of some.
        held_back: failed and damaged images whose earlier version stays in the archive.
        notes: what the listing found beside its images.
    """
    totals, worst, untold = _seen_in(catalogue, record.run)
    images = totals.images + len(held_back)
    failed_back = sum(not one.damaged for one in held_back)
    all_done = progress.listing_done and progress.finished == progress.listed
    return RunSummary(
        run=record.run,
        images=images,
        failed=totals.failed + failed_back,
        damaged=totals.damaged + len(held_back) - failed_back,
        held_back=[asdict(one) for one in held_back],
        unchanged=progress.unchanged,
        displacing=max(displaced, progress.displacing) if record.resumed else displaced,
        displaced=[{"key": key, "source_url": url} for key, url in first_displaced.items()],
        superseded=max(0, progress.finished - images),
        failed_before=catalogue.count_failed() - totals.failed,
        stopped=was_asked_to_stop and not all_done,
        left=progress.listed - progress.finished,
        skipped=notes.skipped,
        listing=notes,
        worst=worst,
        **{name: getattr(totals, name) for name in _OF_TOTALS},
        **_target(codec_config.target_bpp, totals.coded_bpp),
        **_archive_bytes(archive),
        quality=None if codec_config.target_bpp is not None else codec_config.quality_of(codec),
        unmapped=untold["importance"],
        wordless=untold["words"],
        effort=codec_config.effort,
        resumed=record.resumed,
        seconds=round(progress.seconds(), 3),
        start_seconds=round(progress.start_seconds(), 3),
        megapixels_per_second=round(progress.megapixels_per_second(), 3),
        stage_seconds={name: round(seconds, 3) for name, seconds in progress.stages.items()},
    )


_UNTOLD: Final = f"^({MISSING}|{BROKEN})"
_OF_TOTALS: Final = (
    *("coded", "lossless", "bounded", "kept", "pixels", "raw_bytes", "source_bytes", "payload_bytes"),
    *("zip_bytes", "zipped_pixels", "zip_source_bytes", "zip_ratio_vs_raw"),
    *("ratio_vs_raw", "ratio_vs_source", "bpp", "psnr_db", "ms_ssim", "low_psnr"),
)
"""What has the same name in `Totals`."""


def _seen_in(catalogue: Catalogue, run: str) -> tuple[Totals, dict[str, Any] | None, dict[str, int]]:
    """One pass over the rows of a run: totals, the worst image, and how many had no sidecar to follow, of each kind."""
    totals, untold = Totals(), dict.fromkeys(("importance", "words"), 0)
    worst: dict[str, Any] | None = None
    for rows in catalogue.of_run(run, [*COLUMNS, "key", *untold]):
        totals += Totals.of(rows)
        for kind in untold:
            untold[kind] += pc.sum(pc.match_substring_regex(rows[kind], _UNTOLD)).as_py() or 0
        lowest = pc.select_k_unstable(rows, k=1, sort_keys=[("psnr_db", "ascending")])
        for row in rows.select(["key", "psnr_db"]).take(lowest).to_pylist():
            if row["psnr_db"] is not None and (worst is None or row["psnr_db"] < worst["psnr_db"]):
                worst = row
    return totals, worst, untold


def _target(target_bpp: float | None, reached_bpp: float | None) -> dict[str, Any]:
    return {
        "target_bpp": target_bpp,
        "target_ratio": 24 / target_bpp if target_bpp else None,
        "reached_bpp": reached_bpp,
        "reached_ratio": 24 / reached_bpp if reached_bpp else None,
        "target_met": is_met(target_bpp, reached_bpp),
    }


def _archive_bytes(archive: Storage) -> dict[str, Any]:
    everything = weights = 0
    for info in archive.list():
        everything += info.size
        weights += info.size if info.path.startswith(f"{WEIGHTS_FOLDER}/") else 0
    return {"archive_bytes": everything, "weights_bytes": weights}


def is_met(target_bpp: float | None, reached_bpp: float | None) -> bool | None:
    """Whether a target was met; None when there was none, or nothing to judge."""
    if target_bpp is None or reached_bpp is None:
        return None
    return abs(reached_bpp / target_bpp - 1) <= TARGET_TOLERANCE
