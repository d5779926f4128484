"""What was gained, and what was lost for it: an archive's report, for its owner and for an engineer.

aggregate.py           the catalogue in one pass: totals, groups, histograms, the worst images
histogram.py           histograms and percentiles of any number of values in fixed memory
comparison/            those images against other ways to store them
archive_diff.py        another archive of the same images
archive_state.py       what the runs recorded, and what lies in the archive
report.py              all of it as one value
size_table.py          the short form: a few rows and a sentence
phrases.py             numbers and sentences that the forms share
as_json.py, as_markdown.py (comparison_markdown.py, markdown_table.py), images_parquet.py, page/    the forms
"""

from pipeline.report.archive_diff import compare_archives, differences_parquet
from pipeline.report.as_json import report_json
from pipeline.report.as_markdown import report_markdown
from pipeline.report.images_parquet import images_parquet
from pipeline.report.page.html import PAGE_BYTES, report_html
from pipeline.report.phrases import diff_sentence, tiers
from pipeline.report.report import S3_USD_PER_GB_MONTH, Report, catalogue_report, with_comparison
from pipeline.report.size_table import Sizes, size_rows, verdict
from pipeline.sampling import Sampling

__all__ = [
    "PAGE_BYTES",
    "S3_USD_PER_GB_MONTH",
    "Report",
    "Sampling",
    "Sizes",
    "catalogue_report",
    "compare_archives",
    "diff_sentence",
    "differences_parquet",
    "images_parquet",
    "report_html",
    "report_json",
    "report_markdown",
    "size_rows",
    "tiers",
    "verdict",
    "with_comparison",
]
