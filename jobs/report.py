"""`tenfold report ARCHIVE --out DIR`: what was gained, over what, and what was lost for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

import typer

from codec.contract import FAITHFUL
from codec.registry import check_decoder
from jobs.options import (
    ArchiveUrl,
    AsJson,
    AsOfVersion,
    ConfigFile,
    RayAddress,
    Workers,
    read_config,
    read_share,
    usage,
)
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, say
from jobs.terminal.progress import show_progress
from jobs.terminal.run_summary import print_comparison
from jobs.watched import watched
from pipeline.archive.catalogue import Catalogue
from pipeline.report import (
    S3_USD_PER_GB_MONTH,
    Report,
    Sampling,
    catalogue_report,
    compare_archives,
    diff_sentence,
    differences_parquet,
    images_parquet,
    report_html,
    report_json,
    report_markdown,
    tiers,
    with_comparison,
)
from pipeline.store.storage import Storage
from pipeline.words import counted


def read_sample(text: str) -> Sampling:
    """How many images to compare: `24`, `1%`, `all` or `0`."""
    if text == "all":
        return Sampling()
    if text.endswith("%"):
        return Sampling(share=read_share(text))
    if not text.isdecimal():
        raise typer.BadParameter(f"expected a number, a share such as 1%, all or 0, got {text!r}")
    return Sampling(count=int(text))


@watched
def report(
    archive: ArchiveUrl,
    *,
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Where the report's files go; any fsspec URL.")
    ],
    sample: Annotated[
        Any,
        typer.Option(
            metavar="N|SHARE%|all|0",
            parser=read_sample,
            help="Images to read again from their source and to store in other ways: about 15 s of one core a "
            "megapixel and 5 s an image, once; the archive keeps what was measured. 0: none; the worst images are "
            "shown all the same.",
        ),
    ] = "24",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Draw other images.")] = 0,
    price: Annotated[
        float,
        typer.Option(metavar="USD", min=0, help="Of a GB (10^9 bytes) a month; S3 Standard's list price."),
    ] = S3_USD_PER_GB_MONTH,
    compare: Annotated[
        str | None,
        typer.Option(
            metavar="ARCHIVE2",
            help="Another archive of the same images: totals side by side, the images that differ most, and "
            "DIR/differences.parquet.",
        ),
    ] = None,
    decoder: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Measure the same payloads by this decoder too (`tenfold codecs` lists them), beside the faithful "
            "pictures: another line, and another row for each judge. What it generates is called so.",
        ),
    ] = FAITHFUL,
    as_of: AsOfVersion = None,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compare ARCHIVE with zip, with its source files and with other codecs; show where it is worst.

    Writes DIR/report.html (one page, needs no network), report.md, report.json and images.parquet (a row an image),
    and prints the short form. What cannot be compared (a source that is gone, a library that is not installed) is left
    out with its reason; the rest of the report is made all the same.

    Examples:

      tenfold report archive/ --out report/

      tenfold report s3://bucket/archive --out report/ --sample 1% --price 0.0125

      tenfold report q34/ --out report/ --compare q20/
    """
    with clear_errors():
        with usage():
            other_decoder = check_decoder(decoder)
        settings = read_config(config, workers=workers, ray_address=ray_address)
        store, folder = Storage(archive, settings.storage), Storage(out, settings.storage)
        catalogue = Catalogue(store, as_of=as_of)
        sampling = Sampling(count=sample.count, share=sample.share, seed=seed)
        made = catalogue_report(store, catalogue, sampling=sampling, usd_per_gb_month=price)
        other = None if compare is None else Catalogue(Storage(compare, settings.storage))
        if other is not None and compare is not None:
            made = replace(made, diff=compare_archives(catalogue, other, other_archive=compare))
        _write_words(folder, made)  # a DIR that cannot be written ends here, before minutes of measuring
        with show_progress() as listen:
            made = with_comparison(made, store, catalogue, settings, listen, decoder=other_decoder)
        _write_words(folder, made)
        folder.write("report.html", report_html(made))
        folder.write("images.parquet", images_parquet(catalogue, made.comparison))
        if other is not None:
            folder.write("differences.parquet", differences_parquet(catalogue, other))
        if as_json:
            print_json(report_json(made))
        else:
            _tell(made)
        _tell_trouble(made)
        more = "" if other is None else " and differences.parquet"
        say(f"Written: {folder.url}/report.html, report.md, report.json, images.parquet{more}")


def _write_words(folder: Storage, made: Report) -> None:
    plain = json.dumps(report_json(made), indent=2, ensure_ascii=False, allow_nan=False)
    folder.write("report.json", (plain + "\n").encode())
    folder.write("report.md", report_markdown(made).encode())


def _tell(made: Report) -> None:
    totals = made.aggregate.totals
    print(f"{counted(totals.images, 'image')}: {tiers(totals)}.")
    print_comparison(totals)
    if made.diff is not None:
        print(diff_sentence(made.diff))
    if made.results is not None:
        for one in made.results.lossy:
            if one.times_ours.value is not None:
                print(
                    f"For the same PSNR {one.method.title} takes {one.times_ours.value:.2f} times our bytes."
                )


def _tell_trouble(made: Report) -> None:
    comparison = made.comparison
    if comparison is None:
        return
    if comparison.absent:
        example, why = next(iter(comparison.absent.items()))
        say(
            f"{len(comparison.absent):,} of {comparison.drawn:,} images could not be compared, as {example}: {why}"
        )
    if comparison.not_cached is not None:
        say(f"What was measured could not be kept in the archive: {comparison.not_cached}")
