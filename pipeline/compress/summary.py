"""What a compress run comes to: the numbers that `tenfold compress` prints and summary.json keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TARGET_TOLERANCE: Final = 0.02
"""A target counts as met within this share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What `tenfold compress --json` prints. Counts and bytes are this run's; `archive_bytes` is everything
    that lies in the archive, catalogue and run records included. Ratios are over payload bytes, raw means
    24-bit RGB. Means and ratios are null when there is nothing to divide by.
    """

    run: str
    images: int
    coded: int
    kept: int
    failed: int
    held_back: list[dict[str, str]]
    """Of `failed`: key and reason of images whose earlier version stays in the archive."""
    unchanged: int
    """Images of the source that are as an earlier run saw them."""
    displacing: int
    """Of `images`: those that took the place of one from another URL, under the same key."""
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
    """Objects below the source that are not named like images."""
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
    quality: int | None
    """Of all coded images that no floor raised; null with a target: every image has its own."""
    resumed: bool
    seconds: float
    start_seconds: float
    """Of `seconds`: until the workers were up (Ray, model load)."""
    megapixels_per_second: float
    stage_seconds: dict[str, float]
    """Work by stage, summed over workers and threads."""

    @property
    def coded_bpp(self) -> float | None:
        """What the coded images took, under the name that `Totals` has for it."""
        return self.reached_bpp


def is_met(target_bpp: float | None, reached_bpp: float | None) -> bool | None:
    """Whether a target was met; None when there was none, or nothing to judge."""
    if target_bpp is None or reached_bpp is None:
        return None
    return abs(reached_bpp / target_bpp - 1) <= TARGET_TOLERANCE
