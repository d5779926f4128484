"""Judges: measures of what was lost between originals and what was decoded of them, all of one shape.

judge.py             what a judge is, and why it may have no score
all_judges.py        all of them
structural.py        SSIM, MS-SSIM
ssimulacra.py        SSIMULACRA2
blockiness.py        steps at the edges of blocks
spectral_peaks.py    patterns that repeat every few pixels
vision/              edges, keypoints, lines, regions: what classic computer vision still sees
luma.py              what those two look at
generations.py       what a codec loses when its own pictures are encoded again

PSNR is none of them: it comes with every `Sample`.
"""

from codec.bench.judges.all_judges import all_judges
from codec.bench.judges.judge import Judge, NoScoreError

__all__ = ["Judge", "NoScoreError", "all_judges"]
