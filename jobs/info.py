"""`tenfold info ARCHIVE`: what an archive is, in one screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from jobs.options import ArchiveUrl, AsJson, ConfigFile, read_config
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.output import print_json, readable
from jobs.terminal.streams import product_is_printed
from pipeline.archive.layout import SHARDS_FOLDER
from pipeline.info.run import ArchiveInfo, read_info
from pipeline.store.storage import Storage
from pipeline.words import counted, in_units


def info(archive: ArchiveUrl, *, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say what ARCHIVE is: images, bytes, codecs, runs, versions.

    The ratio counts everything that lies in ARCHIVE: payloads, metadata, the catalogue of all versions, weights and
    records of runs. No shard is read, and of the catalogue a few narrow columns. `tenfold report` says how well images
    decode.

    Example:

      tenfold info archive/
    """
    with clear_errors():
        product_is_printed()
        found = read_info(Storage(archive, read_config(config).storage))
        if as_json:
            print_json(asdict(found))
            return
        for name, words in _lines(found):
            print(f"{name:<11} {readable(words)}")


def _lines(info: ArchiveInfo) -> Iterator[tuple[str, str]]:
    yield "archive", f"{info.archive}, format {info.format}"
    statuses = ", ".join(f"{one.images:,} {status}" for status, one in info.by_status.items())
    damaged = f" ({info.damaged:,} damaged)" if info.damaged else ""
    yield "images", f"{info.images:,}: {statuses}{damaged}" if info.images else "none"
    yield "previews", _previews(info)
    yield "formats", _counts(info.source_formats)
    yield "files", f"{_mb(info.source_bytes)} before"
    for status, one in info.by_status.items():
        if one.payload_bytes:
            yield "", f"{_mb(one.payload_bytes)} of {_mb(one.source_bytes)} {status}"
    yield "takes", f"{_mb(info.archive_bytes)}{_ratios(info)}"
    for name, objects in info.folders.items():
        of_it = ""
        if name == SHARDS_FOLDER:
            of_it = f", of it {_mb(info.metadata_bytes)} metadata, and what was replaced or dropped since"
        yield "", f"{_mb(objects.bytes)} in {name or 'no folder'} ({counted(objects.count, 'object')}){of_it}"
    yield "codecs", _counts(info.codecs)
    for file in info.weights:
        yield "weights", f"{file.name}, {_mb(file.bytes)}, for {counted(file.images, 'image')}"
    if info.decoders:
        yield "decoders", f"faithful, {', '.join(info.decoders)}"
    for codec, adaptation in info.learned.items():
        yield "learned", f"{codec} encodes with what it learned here ({adaptation})"
    yield "runs", _runs(info)
    yield "versions", f"{info.oldest_version} to {info.version}"
    yield (
        "catalogue",
        f"{_mb(info.catalogue_file_bytes)} in {counted(info.catalogue_files, 'file')} of the newest version",
    )
    older = info.older_versions
    if older.count:
        yield (
            "older",
            f"{_mb(older.bytes)} in {counted(older.count, 'object')} that the newest version does not need; "
            "`tenfold prune` tells what may go",
        )


def _ratios(info: ArchiveInfo) -> str:
    if info.ratio is None or info.ratio_of_payloads is None:
        return ""
    alone = f"{info.ratio_of_payloads:.2f}x with the payloads alone"
    return f": {info.ratio:.2f}x against the files with all that lies there, {alone}"


def _previews(info: ArchiveInfo) -> str:
    later = f"; {counted(info.albums, 'album')} of such as were made later" if info.albums else ""
    return f"{info.previews:,} in the shards{later}"


def _runs(info: ArchiveInfo) -> str:
    if not info.runs:
        return "none"
    open_runs = f"; {info.interrupted_runs:,} not ended" if info.interrupted_runs else ""
    return f"{info.runs:,}, from {info.first_run} to {info.last_run}{open_runs}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _mb(count: int) -> str:
    size, unit = in_units(count, smallest="kB")
    return f"{size:,.2f} {unit}"
