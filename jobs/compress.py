"""`tenfold compress SRC ARCHIVE`: images in, archive out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from jobs.console import FAILED_IMAGES, clear_errors, print_json, say, show_progress
from jobs.options import ArchiveUrl, AsJson, ConfigFile, RayAddress, Workers, read_config
from pipeline.run import CompressRun
from pipeline.sources import parse_source
from pipeline.storage import Storage
from pipeline.summary import RunSummary

_SHOWN = 10


def compress(
    src: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="A folder or prefix (photos/, s3://bucket/p), a glob (photos/**/*.jpg), a list of paths or URLs "
            "(@list.txt), or a Parquet manifest with a `url` column.",
        ),
    ],
    archive: ArchiveUrl,
    *,
    codec: Annotated[str | None, typer.Option(help="Codec id; see the README for the list.")] = None,
    quality: Annotated[
        int | None, typer.Option(help="0 (smallest) to 63 (best). At most one of quality, ratio, bpp.")
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(
            help="Meet this ratio against raw 24-bit pixels, e.g. 25 or 100, within 2 % over the coded images. "
            "Images kept as they were do not count."
        ),
    ] = None,
    bpp: Annotated[
        float | None, typer.Option(help="Meet this many payload bits per pixel; the same as --ratio 24/bpp.")
    ] = None,
    min_psnr: Annotated[
        float | None,
        typer.Option(
            metavar="DB",
            help="Floor of every coded image: one below it gets a higher quality, whatever the target; one that "
            "cannot reach it is kept as it was.",
        ),
    ] = None,
    min_ms_ssim: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="The same for MS-SSIM, e.g. 0.98; needs images of 161 pixels or more."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Encode with these weights (a path or URL, from `tenfold train`) instead of the codec's own. The "
            "archive keeps a copy, so that it decodes without FILE.",
        ),
    ] = None,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Compress the images of SRC into ARCHIVE.

    Run it again on the same SRC and ARCHIVE: only what is new or changed is encoded. Kill it at any time: the
    same command finishes the work. Images the codec does not model, or cannot make smaller, are kept as their
    original bytes; images that cannot be read become rows with a reason, and the exit code is 3.

    Examples:

      tenfold compress photos/ archive/

      tenfold compress s3://bucket/photos s3://bucket/archive --ratio 100 --min-psnr 28 --workers 8
    """
    with clear_errors():
        settings = read_config(
            config,
            codec=codec,
            quality=quality,
            ratio=ratio,
            bpp=bpp,
            min_psnr_db=min_psnr,
            min_ms_ssim=min_ms_ssim,
            weights=weights,
            workers=workers,
            ray_address=ray_address,
        )
        source = parse_source(src, settings.source_storage or settings.storage, exclude=archive)
        store = Storage(archive, settings.storage)
        with show_progress() as on_progress:
            summary = CompressRun(source, store, settings).run(on_progress)
        if as_json:
            print_json(asdict(summary))
        else:
            _tell(summary, archive)
        for held in summary.held_back[:_SHOWN]:
            say(f"failed, its archived version stays: {held['key']}: {held['reason']}")
        if summary.failed:
            say(f"{summary.failed} images failed; `tenfold ls {archive} --status failed` says why.")
            raise SystemExit(FAILED_IMAGES)


def _tell(summary: RunSummary, archive: str) -> None:
    if not summary.images:
        print(f"Nothing new: all {summary.unchanged} images of the source are in {archive} already.")
        return
    seen = f", {summary.unchanged} unchanged" if summary.unchanged else ""
    print(
        f"{summary.images} images: {summary.coded} coded, {summary.kept} kept as they were, "
        f"{summary.failed} failed{seen}."
    )
    if summary.ratio_vs_raw is not None and summary.ratio_vs_source is not None:
        zip_words = f" (zip: {summary.zip_ratio_vs_raw:.2f}x)" if summary.zip_ratio_vs_raw else ""
        print(
            f"{_mb(summary.raw_bytes)} of pixels, {_mb(summary.source_bytes)} of files -> "
            f"{_mb(summary.payload_bytes)} of payload: {summary.ratio_vs_raw:.1f}x against raw{zip_words}, "
            f"{summary.ratio_vs_source:.1f}x against the files, {summary.bpp:.3f} bpp."
        )
    if summary.target_met is not None:
        print(_target_words(summary))
    if summary.psnr_db is not None:
        ms_ssim = f", MS-SSIM {summary.ms_ssim:.4f}" if summary.ms_ssim is not None else ""
        print(f"Coded images decode at {summary.psnr_db:.2f} dB PSNR{ms_ssim} on average.")
    print(
        f"{summary.seconds:.1f} s, {summary.megapixels_per_second:.2f} MP/s. The archive now takes "
        f"{_mb(summary.archive_bytes)}, of it {_mb(summary.weights_bytes)} the codec's weights, stored once: {archive}"
    )


def _target_words(summary: RunSummary) -> str:
    """Target and reached in the words of the option that was given; why, when they are apart."""
    target, reached = summary.target_bpp or 0.0, summary.reached_bpp or 0.0
    words = (
        f"Target ratio {24 / target:g}x, reached {24 / reached:.{1 if 24 / reached >= 10 else 2}f}x "
        f"({reached:.4f} of {target:.4f} bpp, coded images)"
    )
    if summary.target_met:
        return f"{words}."
    if reached > target:
        return f"{words}: not met. Quality 0 takes more on these images, or a floor asks for more."
    return f"{words}: not met. Even quality 63 takes less on these images."


def _mb(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
