"""`tenfold decode ARCHIVE DST`: images back, in bulk."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Annotated, NoReturn

import typer

from codec.contract import FAITHFUL
from codec.registry import check_decoder
from jobs.keys_file import read_keys
from jobs.options import (
    ArchiveUrl,
    AsJson,
    AsOfVersion,
    ConfigFile,
    DecoderName,
    KeyGlob,
    OutQuality,
    RayAddress,
    Workers,
    read_config,
    read_form,
    usage,
)
from jobs.terminal.decoded import code_of, line_of, tell_answer, tell_decoded
from jobs.terminal.exit_codes import OK, TIME_UP, clear_errors, outcome_of
from jobs.terminal.output import say
from jobs.terminal.progress import show_progress
from jobs.watched import watched
from jobs.webhook import check_webhook, tell_webhook
from pipeline.config import CompressConfig
from pipeline.decode.file_form import NamePolicy, OutputFormat
from pipeline.decode.options import DecodeOptions
from pipeline.decode.outlet import OutputKind
from pipeline.decode.plan import Existing
from pipeline.decode.request_queue import RequestQueue
from pipeline.decode.requests import read_requests
from pipeline.decode.run import GOES_ON, JOB_GOES_ON, DecodeRun
from pipeline.decode.selection import Selection
from pipeline.decode.summary import DecodeSummary
from pipeline.store.storage import Storage
from pipeline.words import counted


@watched
def decode(
    archive: ArchiveUrl,
    dst: Annotated[
        str, typer.Argument(metavar="DST", help="Where the files go: a folder or any fsspec URL.")
    ],
    *,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="SQL",
            help='Only images that meet this condition on the catalogue\'s columns: "psnr_db < 32 AND width > 4000".',
        ),
    ] = None,
    glob: KeyGlob = None,
    keys_file: Annotated[
        str | None, typer.Option("--keys-file", metavar="F", help="Only the keys in this file, one a line.")
    ] = None,
    requests: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Only what this list asks for: Parquet, CSV or JSON lines with `key` and, where they are wanted, "
            "`name`, `size`, `region` (LEFT,TOP,WIDTH,HEIGHT), `format`, `decoder`, `priority` and `deadline`. "
            "Another job's failed.parquet is such a list.",
        ),
    ] = None,
    watch: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Take each list of requests that lies in this folder or prefix, or comes there, into DST/NAME of the "
            "list, and answer beside it in NAME.answer.json. Any number may watch one folder. Ends with Ctrl-C, or "
            "after --max-seconds.",
        ),
    ] = None,
    to: Annotated[
        OutputKind,
        typer.Option(
            "--to",
            help="files: one an image. tar: packs for WebDataset. parquet: packs as Hugging Face's datasets reads "
            "them. Packs hold 512 images or 128 megapixels at most, and appear whole.",
        ),
    ] = "files",
    size: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="The longer side of what comes, in pixels, at most; smaller ones cost a fraction of the whole. "
            "Nothing is made larger.",
        ),
    ] = None,
    decoder: DecoderName = FAITHFUL,
    fmt: Annotated[
        OutputFormat | None,
        typer.Option(
            "--format",
            help="Default: png for coded images, the original file for kept ones. source: the format in which each "
            "image came, under its own name, where it is a lossy one in a file that is not larger than it was; PNG for "
            "formats that are not written.",
        ),
    ] = None,
    out_quality: OutQuality = None,
    names: Annotated[
        NamePolicy,
        typer.Option(
            help="What a.jpg is called that comes as PNG. append: a.jpg.png. replace: a.png, where no other image "
            "could be called so, else a.jpg.png. keep: a.jpg."
        ),
    ] = "append",
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Leave out images whose file is in DST, whatever it holds: a decode that was stopped goes on.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Write over files in DST that have the name of an image. A file from which the archive was made is "
            "never written over.",
        ),
    ] = False,
    record: Annotated[
        bool,
        typer.Option(
            "--record",
            help="Keep a record in DST/_decode: the same command goes on where it was killed and does nothing twice; "
            "lists of what succeeded and failed are there. Always with --to tar and parquet, --requests, --watch and "
            "--max-seconds.",
        ),
    ] = False,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0.0,
            help="Begin nothing new after these seconds, finish what is under way, and exit 13 when images are left.",
        ),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="TENFOLD_DECODE_WEBHOOK",
            show_envvar=True,
            help="POST the outcome there as JSON, however the run ends. No record of the run shows this URL.",
        ),
    ] = None,
    as_of: AsOfVersion = None,
    workers: Workers = None,
    ray_address: RayAddress = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Decode the images of ARCHIVE into DST, with EXIF, ICC profile, XMP and alpha.

    A file is named by its key; where the format differs from the key's extension, the new one is appended
    (a.jpg becomes a.jpg.png), so that a.jpg and a.gif never meet; --names has other ways, and --format source leaves
    names as they were. `..` and a leading `/` in keys are escaped: nothing is written outside DST. A name that DST
    cannot hold is shortened, and that is said.

    Where files of these names are in DST, nothing is written at all, unless --skip-existing or --overwrite says what
    becomes of them. Never into an archive, and never over an original, by whatever path DST is reached.

    Exit codes: 0 all is there, 1 it could not go on, 3 some images failed, 13 the time was up.

    Examples:

      tenfold decode archive/ back/

      tenfold decode archive/ back/ --format source --skip-existing

      tenfold decode archive/ some/ --glob 'holiday/*.jpg'

      tenfold decode archive/ shown/ --decoder realistic

      tenfold decode s3://b/archive s3://b/train --to tar --size 512 --where "width >= 512"

      tenfold decode s3://b/archive s3://b/out --requests s3://b/wanted.parquet --max-seconds 3600
    """
    existing = _existing(keeps=skip_existing, replaces=overwrite, to=to)
    _check_watch(watch, selections=(where, glob, keys_file, requests))
    form = read_form(fmt, out_quality, names)
    is_job = record or to != "files" or any(one is not None for one in (requests, watch, max_seconds))
    stop = _stopping_after(max_seconds)
    with clear_errors(stopped=f"Stopped. {JOB_GOES_ON if is_job else GOES_ON}"):
        settings = read_config(config, workers=workers, ray_address=ray_address)
        with usage():
            check_decoder(decoder)
        options = DecodeOptions(
            form=form,
            size=size,
            decoder=decoder,
            to=to,
            as_of=as_of,
            existing=existing,
            is_recorded=is_job,
        )

        def run(selection: Selection, folder: str) -> DecodeSummary:
            source, destination = (Storage(url, settings.storage) for url in (archive, folder))
            decoding = DecodeRun(source, destination, settings, replace(options, selection=selection))
            with show_progress() as listen:
                return decoding.run(listen, stop=stop)

        with usage():
            if webhook is not None:
                check_webhook(webhook)
        if watch is not None:
            _answer_lists(watch, dst, settings, run, stop)
        keys = read_keys(keys_file) if keys_file else None
        asked = read_requests(requests, settings.storage) if requests else None
        with usage():
            selection = Selection(keys=keys, requests=asked, glob=glob, where=where)
        try:
            summary = run(selection, dst)
        except BaseException as error:
            message, code = outcome_of(error)
            _post(webhook, archive, f"error: {message}", code, None)
            raise
        tell_decoded(summary, dst, as_json=as_json)
        code = code_of(summary)
        _post(webhook, archive, line_of(summary, dst), code, summary)
        raise SystemExit(code)


def _existing(*, keeps: bool, replaces: bool, to: OutputKind) -> Existing:
    """What becomes of files that are there.

    Raises:
        typer.BadParameter: two things at once, or one that packs do not know.
    """
    if keeps and replaces:
        raise typer.BadParameter("files in DST either stay or are written over", param_hint="--overwrite")
    if to != "files" and (keeps or replaces):
        raise typer.BadParameter(
            "packs are never written over, and the same command goes on by itself", param_hint="--to"
        )
    return "keep" if keeps else "replace" if replaces else "refuse"


def _check_watch(watch: str | None, *, selections: Iterable[object]) -> None:
    if watch is not None and any(selections):
        raise typer.BadParameter(
            "the lists say which images are wanted, and nothing else", param_hint="--watch"
        )


def _answer_lists(
    watch: str,
    dst: str,
    settings: CompressConfig,
    run: Callable[[Selection, str], DecodeSummary],
    stop: Callable[[], bool],
) -> NoReturn:
    """Answer the lists of requests in a folder, each into a folder of its name, until it is time to stop."""

    def work(name: str) -> DecodeSummary:
        asked = read_requests(f"{lists.url}/{name}", settings.storage)
        return run(Selection(requests=asked), f"{dst}/{name.rpartition('.')[0]}")

    lists = Storage(watch, settings.storage)
    left = RequestQueue(lists, work, tell=tell_answer).run(stop)
    if left:
        say(f"The time was up with {counted(left, 'list')} left; the next run goes on.")
    raise SystemExit(TIME_UP if left else OK)


def _post(webhook: str | None, archive: str, text: str, code: int, summary: DecodeSummary | None) -> None:
    if webhook is not None:
        words = f"tenfold decode {archive}: {text}"
        tell_webhook(webhook, archive=archive, text=words, code=code, summary=summary)


def _stopping_after(seconds: float | None) -> Callable[[], bool]:
    until = time.monotonic() + (math.inf if seconds is None else seconds)
    return lambda: time.monotonic() >= until
