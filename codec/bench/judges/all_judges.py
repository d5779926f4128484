"""Every judge there is, in the order in which tables show them."""

from __future__ import annotations

from typing import Final

from codec.bench.judges.blockiness import BLOCKINESS
from codec.bench.judges.dists import DISTS
from codec.bench.judges.judge import Judge
from codec.bench.judges.kernel_distance import KD_LITE0, KD_MOBILENET
from codec.bench.judges.lpips import LPIPS_ALEX, LPIPS_VGG
from codec.bench.judges.spectral_peaks import SPECTRAL_PEAKS
from codec.bench.judges.ssimulacra import SSIMULACRA2
from codec.bench.judges.structural import MS_SSIM, SSIM
from codec.bench.judges.vision.judges import VISION_JUDGES

MAIN: Final = (
    *("SSIMULACRA2", "LPIPS (AlexNet)", "DISTS", "KD-lite0", "blockiness", "spectral peaks"),
    *("Canny edges", "ORB matches"),
)


def main_judges() -> tuple[Judge, ...]:
    """Those that reports ask: each answers in seconds a picture, and says what none of the others does."""
    judges = {judge.name: judge for judge in all_judges()}
    return tuple(judges[name] for name in MAIN)


def all_judges() -> tuple[Judge, ...]:
    """All of them, those that cannot be had here too: `Judge.missing` says why."""
    return (
        *(SSIM, MS_SSIM, SSIMULACRA2),
        *(LPIPS_ALEX, LPIPS_VGG, DISTS),
        *(KD_LITE0, KD_MOBILENET),
        *(BLOCKINESS, SPECTRAL_PEAKS),
        *VISION_JUDGES,
    )
