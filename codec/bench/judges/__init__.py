"""Judges: measures of what was lost between originals and what was decoded of them, all of one shape.

judge.py             what a judge is, and why it may have no score
all_judges.py        all of them, and those that reports ask
structural.py        SSIM, MS-SSIM
ssimulacra.py        SSIMULACRA2
lpips.py, dists.py   how far apart networks see two pictures, weighted by what people said
kernel_distance.py   KD-lite0, KD-mobilenet2: whether sets of pictures look alike; and why there is no FID
tensors.py           pixels as those take them
blockiness.py        steps at the edges of blocks
spectral_peaks.py    patterns that repeat every few pixels
luma.py              what those two look at
vision/              edges, keypoints, lines, regions: what classic computer vision still sees
generations.py       what a codec loses when its own pictures are encoded again
trained_on.py        which of them a model was trained on

PSNR is none of them: it comes with every `Sample`.
"""

from codec.bench.judges.all_judges import all_judges, main_judges
from codec.bench.judges.judge import Judge, NoScoreError

__all__ = ["Judge", "NoScoreError", "all_judges", "main_judges"]
