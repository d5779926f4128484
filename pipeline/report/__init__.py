"""What was gained, and what was lost for it: an archive's report, for its owner and for an engineer.

aggregate.py          the catalogue, folded in one pass: totals, groups, distributions, the worst
histogram.py        histograms and percentiles of any number of values in fixed memory
sampling.py          which images to look at closely
run.py       those images against other ways to store them; worker.py is its worker
methods.py   who takes part; cache.py keeps what was measured in the archive
results.py     what the contest comes to
archive_diff.py        another archive of the same images
crops.py      what an image lost, to look at
inventory.py          what the runs said, what lies in the archive
report.py        all of it as one value
size_table.py         the short form: a few rows and a sentence
phrases.py       numbers and sentences that its forms share
as_json.py, as_markdown.py, images_parquet.py, html.py       its forms; page_*.py fill the page
"""

from pipeline.report.archive_diff import differences_parquet, hold_beside
from pipeline.report.as_json import report_json
from pipeline.report.as_markdown import report_markdown
from pipeline.report.images_parquet import images_parquet
from pipeline.report.page.html import PAGE_BYTES, report_html
from pipeline.report.phrases import beside_sentence
from pipeline.report.report import S3_USD_PER_GB_MONTH, Report, catalogue_report, with_contest
from pipeline.report.sampling import Sampling
from pipeline.report.size_table import Sizes, size_rows, verdict

__all__ = [
    "PAGE_BYTES",
    "S3_USD_PER_GB_MONTH",
    "Report",
    "Sampling",
    "Sizes",
    "beside_sentence",
    "catalogue_report",
    "differences_parquet",
    "hold_beside",
    "images_parquet",
    "report_html",
    "report_json",
    "report_markdown",
    "size_rows",
    "verdict",
    "with_contest",
]
