"""What was gained, and what was lost for it: an archive's report, for its owner and for an engineer.

fold.py          the catalogue, folded in one pass: totals, groups, distributions, the worst
spread.py        histograms and percentiles of any number of values in fixed memory
draw.py          which images to look at closely
contest.py       those images against other ways to store them; judge.py is its worker
contestants.py   who takes part; comparisons.py keeps what was measured in the archive
standings.py     what the contest comes to
beside.py        another archive of the same images
pictures.py      what an image lost, to look at
runs.py          what the runs said, what lies in the archive
report.py        all of it as one value
sizes.py         the short form: a few rows and a sentence
phrases.py       numbers and sentences that its forms share
numbers.py, markdown.py, image_rows.py, webpage.py       its forms; page_*.py fill the page
"""

from pipeline.report.beside import differences_parquet, hold_beside
from pipeline.report.draw import Sampling
from pipeline.report.image_rows import images_parquet
from pipeline.report.markdown import report_markdown
from pipeline.report.numbers import report_json
from pipeline.report.phrases import beside_sentence
from pipeline.report.report import S3_USD_PER_GB_MONTH, Report, catalogue_report, with_contest
from pipeline.report.sizes import Sizes, comparison, verdict
from pipeline.report.webpage import PAGE_BYTES, report_html

__all__ = [
    "PAGE_BYTES",
    "S3_USD_PER_GB_MONTH",
    "Report",
    "Sampling",
    "Sizes",
    "beside_sentence",
    "catalogue_report",
    "comparison",
    "differences_parquet",
    "hold_beside",
    "images_parquet",
    "report_html",
    "report_json",
    "report_markdown",
    "verdict",
    "with_contest",
]
