"""Every judge there is, in the order in which tables show them."""

from __future__ import annotations

from codec.bench.judges.blockiness import BLOCKINESS
from codec.bench.judges.dists import DISTS
from codec.bench.judges.judge import Judge
from codec.bench.judges.kernel_distance import KD_LITE0, KD_MOBILENET
from codec.bench.judges.lpips import LPIPS_ALEX, LPIPS_VGG
from codec.bench.judges.spectral_peaks import SPECTRAL_PEAKS
from codec.bench.judges.ssimulacra import SSIMULACRA2
from codec.bench.judges.structural import MS_SSIM, SSIM
from codec.bench.judges.vision.judges import VISION_JUDGES


def all_judges() -> tuple[Judge, ...]:
    """All of them, those that cannot be had here too: `Judge.missing` says why."""
    return (
        *(SSIM, MS_SSIM, SSIMULACRA2),
        *(LPIPS_ALEX, LPIPS_VGG, DISTS),
        *(KD_LITE0, KD_MOBILENET),
        *(BLOCKINESS, SPECTRAL_PEAKS),
        *VISION_JUDGES,
    )
