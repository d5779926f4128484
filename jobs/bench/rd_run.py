"""The measurements of `tenfold bench rd`, in order, and the files they end in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from codec.bench.baselines import Baseline
from codec.bench.cache import SampleCache
from codec.bench.kodak import published_curves, why_not_kodak
from codec.bench.libraries import library
from codec.bench.measure import rd_table
from codec.bench.rd_markdown import to_markdown
from codec.bench.rd_report import Line, RdReport, to_json
from codec.codec import Codec
from codec.contract import FAITHFUL, RGB
from jobs.bench.baselines import BaselineRun, measure_baselines
from jobs.bench.images import BenchImage, BenchImages
from jobs.bench.machine import circumstances
from jobs.bench.rd_judged import judge_at
from jobs.terminal.output import say
from jobs.terminal.progress import count_steps


def measure_rd(
    images: BenchImages,
    codec: Codec,
    levels: list[float],
    baselines: Sequence[Baseline],
    cache: Path,
    *,
    rates: tuple[float, ...] = (),
    decoder: str = FAITHFUL,
) -> RdReport:
    """Others first, from the cache or on every core, then ours in this process; then all before judges.

    Args:
        rates: bits per pixel at which judges are asked; none: they are not.
        decoder: of the codec, whose pictures they see too, beside the faithful ones.

    Raises:
        SourceError: an image changed meanwhile.
        TenfoldError: a measuring process was killed.
    """
    for key, reason in images.skipped.items():
        say(f"{key} is left out: {reason}")
    with count_steps("measurements of others", len(baselines) * len(images.usable)) as advance:
        measured = measure_baselines(baselines, images.usable, SampleCache(cache), on_done=advance)
    for name, reason in measured.left_out.items():
        say(f"{name} is left out: {reason}")
    with count_steps(f"images with {codec.id}", len(images.usable)) as advance:
        points = rd_table(codec, _each(images.usable, advance), levels)
    ours = Line(
        id=codec.id, title=f"Tenfold {codec.id}", settings="one image a call", library=codec.id, points=points
    )
    published, why_not = _published(images.usable)
    here = [baseline for baseline in baselines if baseline.id in measured.points]
    said = circumstances()
    return RdReport(
        circumstances=said,
        images=len(images.usable),
        megapixels=images.megapixels,
        skipped=images.skipped,
        ours=ours,
        others=[*_lines(baselines, measured), *published],
        left_out={**measured.left_out, **why_not},
        judged=judge_at(rates, images.usable, codec, here, cache, circumstances=said, decoder=decoder)
        if rates
        else None,
    )


def _each(images: Iterable[BenchImage], on_done: Callable[[], None]) -> Iterator[RGB]:
    for image in images:
        yield image.pixels()
        on_done()


def _lines(baselines: Sequence[Baseline], measured: BaselineRun) -> list[Line]:
    return [
        Line(
            id=baseline.id,
            title=baseline.title,
            settings=baseline.settings,
            library=library(baseline.format),
            points=measured.points[baseline.id],
        )
        for baseline in baselines
        if baseline.id in measured.points
    ]


def _published(images: Sequence[BenchImage]) -> tuple[list[Line], dict[str, str]]:
    """Others' curves when these are the Kodak images, or why not."""
    if (reason := why_not_kodak(image.digest for image in images)) is not None:
        return [], {"published": reason}
    lines = [
        Line(
            id=curve.id, title=curve.title, settings="as published", library=curve.source, points=curve.points
        )
        for curve in published_curves()
    ]
    return lines, {}


def write_report(report: RdReport, out: Path) -> None:
    """rd.json, rd.md, rd.svg and rd.png.

    Raises:
        OSError: the folder cannot be written.
    """
    from codec.bench.rd_plot import draw  # matplotlib: only who asks for a picture needs it

    (out / "rd.json").write_text(
        json.dumps(to_json(report), indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    (out / "rd.md").write_text(to_markdown(report), encoding="utf-8")
    draw(report, out)
    say(f"Written: rd.json, rd.md, rd.svg and rd.png in {out}")
