"""Rate, distortion and speed of our codecs beside those a user might pick instead.

measure.py         one image through one codec: bytes, PSNR, MS-SSIM; means over images
baselines.py       JPEG, WebP, AVIF, JPEG XL, HEIC through Pillow
lossless.py        zip, zstd, xz, bz2, PNG, lossless WebP and JPEG XL
libraries.py       which library at which version stands behind a number
cache.py           what was measured, kept between runs
matched.py         another codec at our rate, and at our quality
rising_points.py   the useful points of a curve
bd_rate.py         the area between two curves: bits saved at equal quality
comparison.py      our curve against each of the others
kodak.py           curves published for the 24 Kodak images (kodak.json), and how to tell that these are those
rd_report.py       what `tenfold bench rd` says; rd_markdown.py as tables, rd_plot.py as curves
one_core.py, speed.py    seconds per megapixel on one core
balance.py         which error is the model's, and which that of rounding
judges/            what was lost, by every measure we trust for something
zoo/               all codecs side by side at equal bytes, on one page
"""

from codec.bench.measure import RatePoint, rd_table

__all__ = ["RatePoint", "rd_table"]
