"""The report for a person, as GitHub Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.report.beside import Beside
from pipeline.report.fold import in_general
from pipeline.report.numbers import DEFINITIONS, contest_json, storage_json
from pipeline.report.report import Report
from pipeline.report.sizes import comparison, verdict
from pipeline.report.spread import PERCENTILES
from pipeline.report.standings import LossyStanding, Matched, Standings

_AXES = {"status": "status", "format": "source format", "size": "size", "codec_quality": "codec and quality"}
_SPREADS = {"psnr_db": "PSNR, dB", "ms_ssim": "MS-SSIM", "bpp": "bpp", "ratio": "against raw"}


def report_markdown(report: Report) -> str:
    """All of it."""
    parts = [
        _head(report),
        _sizes(report),
        _beside(report),
        *_contest(report),
        _quality(report),
        _worst(report),
        _reasons(report),
        *_groups(report),
        _cost(report),
        _runs(report),
        "\n".join(f"- **{term}**: {meaning}" for term, meaning in DEFINITIONS.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: Report) -> str:
    totals = report.fold.totals
    return (
        f"# Archive report: {_cell(report.fold.archive)}\n\n"
        f"{totals.images:,} images: {totals.coded:,} coded, {totals.kept:,} kept as they were, "
        f"{totals.failed:,} failed. Catalogue version {report.fold.version}, read "
        f"{report.made_at:%Y-%m-%d %H:%M} UTC by Tenfold {report.tenfold}."
    )


def _sizes(report: Report) -> str:
    totals = report.fold.totals
    rows = [
        (row.what, f"{row.num_bytes:,}", times(row.ratio_vs_raw), times(row.ratio_vs_source))
        for row in comparison(totals)
    ]
    table = _table(["", "bytes", "against raw", "against source files"], rows)
    return f"## Size\n\n{table}\n\n{verdict(totals)}"


def _beside(report: Report) -> str:
    beside = report.beside
    if beside is None:
        return ""
    table = _table(
        ["", "payload bytes", "bpp", "against raw", "PSNR, dB", "MS-SSIM"],
        [
            (
                _cell(what),
                f"{totals.payload_bytes:,}",
                number(totals.bpp, 3),
                times(totals.ratio_vs_raw),
                number(totals.psnr_db, 2),
                number(totals.ms_ssim, 4),
            )
            for what, totals in (("this archive", beside.this), (beside.other_archive, beside.other))
        ],
    )
    differing = _table(
        ["the images that differ most", "PSNR here", "there", "difference", "bytes here over there"],
        [
            (
                _cell(one.key),
                f"{one.this_psnr_db:.2f}",
                f"{one.other_psnr_db:.2f}",
                f"{one.psnr_difference_db:+.2f}",
                times(one.bytes_ratio),
            )
            for one in beside.differing
        ],
    )
    return f"## Beside {_cell(beside.other_archive)}\n\n{beside_sentence(beside)}\n\n{table}\n\n{differing}"


def beside_sentence(beside: Beside) -> str:
    """What both hold, and how far apart they are."""
    words = f"{count(beside.images, 'image')} of the same source file in both archives"
    if beside.changed:
        words += f"; {count(beside.changed, 'more image')} under the same key from different files left out"
    gains = beside.psnr_difference_db.percentiles()
    if not gains:
        return f"{words}. None of them is coded in both."
    ratios = beside.bytes_ratio.percentiles()
    return (
        f"{words}. Where both are coded, this archive's PSNR differs by {gains[50]:+.2f} dB in the median "
        f"({gains[5]:+.2f} to {gains[95]:+.2f} for nine of ten), and it takes {times(ratios[50])} the bytes "
        f"({times(ratios[5])} to {times(ratios[95])})."
    )


def _contest(report: Report) -> Iterable[str]:
    contest, held = report.contest, report.standings
    if contest is None or held is None:
        return
    yield (
        f"## Against what else\n\n{len(contest.entries):,} of {contest.drawn:,} images drawn with seed "
        f"{report.sampling.seed} were read again and compared."
    )
    if held.lossless:
        yield _table(
            ["without loss", "settings", "against raw", "of our size", "images", "library"],
            [
                (
                    one.contestant.title,
                    one.contestant.settings,
                    times(one.ratio_vs_raw),
                    times(one.times_ours),
                    f"{one.images:,}",
                    one.contestant.library,
                )
                for one in held.lossless
            ],
        )
    if held.lossy:
        yield _lossy(held)
    said = contest_json(report) or {}
    notes = [f"{what} is left out: {_cell(why)}." for what, why in contest.left_out.items()]
    notes += [
        f"{count(images, 'image')} took no part: {_cell(why)}." for why, images in said["absent"].items()
    ]
    notes += [
        f"{one['contestant']} could not take {count(one['images'], 'image')}: {_cell(in_general(one['reason']))}."
        for one in said["refused"]
    ]
    if contest.not_cached is not None:
        notes.append(f"What was measured could not be kept in the archive: {_cell(contest.not_cached)}")
    yield "\n".join(f"- {note}" for note in notes)


def _lossy(held: Standings) -> str:
    ours = held.ours
    words = ""
    if ours is not None:
        scores = [
            ("PSNR", number(ours.psnr_db, 2), " dB"),
            ("SSIM", number(ours.ssim, 4), ""),
            ("MS-SSIM", number(ours.ms_ssim, 4), ""),
            ("SSIMULACRA2", number(ours.ssimulacra2, 1), f" ({ours.ssimulacra2_images:,} images)"),
        ]
        told = ", ".join(f"{name} {value}{unit}" for name, value, unit in scores if value != "-")
        words = f"\n\nOurs on the same {ours.images:,} coded images: {ours.bpp:.3f} bpp, {told}."
    table = _table(
        [
            "with loss",
            "our PSNR less its, at our bpp",
            "its bytes over ours, at our PSNR",
            "images inside (rate, PSNR)",
            "library",
        ],
        [
            (
                one.contestant.title,
                gain(one.psnr_gain_db),
                times(one.times_ours.value),
                inside(one),
                one.contestant.library,
            )
            for one in held.lossy
        ],
    )
    return table + words


def gain(matched: Matched) -> str:
    """A difference of PSNR with its sign."""
    return "-" if matched.value is None else f"{matched.value:+.2f} dB"


def inside(one: LossyStanding) -> str:
    """On how many images both could be matched: by rate, by quality, of how many."""
    return f"{one.psnr_gain_db.inside:,}, {one.times_ours.inside:,} of {one.images:,}"


def count(number_of: int, what: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number_of:,} {what}" + ("" if number_of == 1 else "s")


def _quality(report: Report) -> str:
    found = {name: spread.percentiles() for name, spread in report.fold.spreads.items()}
    rows = [
        (title, *(number(found[name][p], 4 if name in ("ms_ssim", "bpp") else 2) for p in PERCENTILES))
        for name, title in _SPREADS.items()
        if found[name]
    ]
    if not rows:
        return ""
    return "## Quality of the coded images\n\n" + _table(
        ["percentile", *(f"{p} %" for p in PERCENTILES)], rows
    )


def _worst(report: Report) -> str:
    rows = [
        (_cell(one.key), f"{one.psnr_db:.2f}", number(one.ms_ssim, 4), f"{one.bpp:.3f}")
        for one in report.fold.worst
    ]
    return "## Where it is worst\n\n" + _table(["key", "PSNR, dB", "MS-SSIM", "bpp"], rows) if rows else ""


def _reasons(report: Report) -> str:
    rows = [(status, _cell(reason), f"{n:,}") for status, reason, n in report.fold.reasons]
    return "## Kept and failed\n\n" + _table(["status", "reason", "images"], rows) if rows else ""


def _groups(report: Report) -> Iterable[str]:
    for axis, groups in report.fold.groups.items():
        yield f"## By {_AXES[axis]}\n\n" + _table(
            ["", "images", "source bytes", "payload bytes", "bpp", "against raw", "PSNR, dB", "MS-SSIM"],
            [
                (
                    _cell(group.name),
                    f"{group.totals.images:,}",
                    f"{group.totals.source_bytes:,}",
                    f"{group.totals.payload_bytes:,}",
                    number(group.totals.bpp, 3),
                    times(group.totals.ratio_vs_raw),
                    number(group.totals.psnr_db, 2),
                    number(group.totals.ms_ssim, 4),
                )
                for group in groups
            ],
        )


def _cost(report: Report) -> str:
    said = storage_json(report.fold.totals, report.holdings, report.usd_per_gb_month)
    return (
        f"## Storage\n\nEverything in the archive takes {said['archive_bytes']:,} bytes: "
        f"{usd(said['archive_usd_per_month'])} a month at {report.usd_per_gb_month:g} USD per GB (10^9 bytes); "
        f"the source files {said['source_bytes']:,} bytes: {usd(said['source_usd_per_month'])}."
    )


def _runs(report: Report) -> str:
    runs = report.holdings.runs
    if not runs:
        return ""
    stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.holdings.stage_seconds.items())
    rows = [
        (
            one.run,
            f"{one.images:,}",
            f"{one.failed:,}",
            f"{one.seconds:.1f}",
            f"{one.megapixels_per_second:.2f}",
        )
        for one in runs[:10]
    ]
    table = _table(["run", "images", "failed", "seconds", "MP/s"], rows)
    return (
        f"## Runs\n\n{table}\n\nWork by stage, summed over workers, threads and runs: {stages or 'unknown'}."
    )


def usd(value: float) -> str:
    """Money, to the cent."""
    return "under 0.01 USD" if 0 < value < 0.01 else f"{value:,.2f} USD"


def times(value: float | None) -> str:
    """A ratio."""
    return "-" if value is None else f"{value:.2f}x" if value < 10 else f"{value:.1f}x"


def number(value: float | None, digits: int) -> str:
    """A number, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _cell(text: str) -> str:
    """Text from the archive: no cell, line or HTML of its own."""
    flat = " ".join(text.replace("|", "\\|").split())
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
