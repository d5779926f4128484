"""`tenfold verify ARCHIVE`: is everything there, and what it was?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from jobs.options import ArchiveUrl, AsJson, ConfigFile, RayAddress, Workers, read_config, read_share
from jobs.terminal.exit_codes import FAILED, clear_errors
from jobs.terminal.output import first_of, print_json, readable, say
from jobs.terminal.progress import show_progress
from jobs.watched import watched
from pipeline.store.storage import Storage
from pipeline.verify.damage import Problem
from pipeline.verify.run import VerifyRun, VerifySummary
from pipeline.verify.tasks import Thoroughness
from pipeline.words import counted


@watched
def verify(
    archive: ArchiveUrl,
    *,
    level: Annotated[
        Thoroughness,
        typer.Option(
            help="structure: catalogue and shards are there and whole in length. checksum: also every byte of "
            "shards, weights and catalogue. decode: also every image becomes what it was when it was coded."
        ),
    ] = "checksum",
    sample: Annotated[
        Any,
        typer.Option(
            metavar="SHARE",
            parser=read_share,
            help="Look into this share of the shards (checksum) or images (decode), drawn anew each time; e.g. 5%.",
        ),
    ] = "100%",
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Draw the sample from this number instead.")
    ] = None,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Check ARCHIVE, and change nothing. Exits 0 only when all that was looked at is well, else 1.

    Level decode needs no source; where a source file is still the one that was compressed, the image is held against
    it too, and must reach the PSNR that the catalogue says.

    Example:

      tenfold verify archive/ && tenfold verify archive/ --level decode --sample 1%
    """
    with clear_errors():
        settings = read_config(config, workers=workers, ray_address=ray_address)
        drawn = seed if seed is not None else int.from_bytes(os.urandom(4), "little")
        run = VerifyRun(Storage(archive, settings.storage), settings, level=level, sample=sample, seed=drawn)
        with show_progress() as listen:
            summary = run.run(listen)
        if as_json:
            print_json(asdict(summary))
        else:
            _tell(summary, archive, drawn if sample < 1.0 else None)
        if not summary.sound:
            raise SystemExit(FAILED)


def _tell(summary: VerifySummary, archive: str, seed: int | None) -> None:
    for line in first_of([problem.line for problem in summary.problems]):
        print(readable(line))
    if summary.version is None:
        print(f"The catalogue cannot be read, so nothing else was looked at. {_advice(archive)}")
        return
    seen = (
        f"{counted(summary.images, 'image')} in {counted(summary.shards, 'shard')}, version {summary.version}"
    )
    if summary.level != "structure":
        drawn = f" (sample drawn with --seed {seed})" if seed is not None else ""
        seen += (
            f"; {counted(summary.inspected_shards, 'shard')} read, {summary.read_bytes / 1e6:.1f} MB{drawn}"
        )
    if summary.level == "decode":
        seen += (
            f"; {counted(summary.decoded, 'image')} decoded, {summary.compared:,} held against their sources"
        )
    print(f"{seen}.")
    if summary.unsealed_versions:
        say(
            f"{counted(summary.unsealed_versions, 'newer version', 'has', 'have')} no checksums yet: a run is under "
            "way, or was killed. The end of the next run adds them."
        )
    if summary.unreferenced_shards:
        say(
            f"In no row of this version: {counted(summary.unreferenced_shards, 'shard')} "
            f"({summary.unreferenced_bytes / 1e6:.1f} MB). Older versions may need them, or a killed run left them. No "
            "harm; `tenfold prune` tells which, and removes what no kept version needs."
        )
    print(f"{archive} is sound." if summary.sound else _count(summary.problems, archive))


def _count(problems: Sequence[Problem], archive: str) -> str:
    keys = {problem.key for problem in problems if problem.key is not None}
    return f"NOT SOUND: {counted(len(problems), 'problem')}, {counted(len(keys), 'image')} named. {_advice(archive)}"


def _advice(archive: str) -> str:
    return f"`tenfold repair {archive} --dry-run` tells what can be brought back."
