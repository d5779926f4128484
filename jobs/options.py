"""Arguments and options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from pipeline.archive.versions import parse_as_of
from pipeline.config import CompressConfig, load_config
from pipeline.errors import ConfigError

ReadT = TypeVar("ReadT")


def parameter(parse: Callable[[str], ReadT]) -> Callable[[str], ReadT]:
    """A parser of ours for an option: what it refuses is wrong usage."""

    def read(text: str) -> ReadT:
        try:
            return parse(text)
        except ConfigError as error:
            raise typer.BadParameter(str(error)) from error

    return read


read_version = parameter(parse_as_of)


def read_share(text: str) -> float:
    """A share as a person writes it: `5%` or `0.05`."""
    try:
        share = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        share = 0.0
    if not 0.0 < share <= 1.0:
        raise typer.BadParameter(f"expected a share such as 5% or 0.05, above 0 and up to 100%, got {text!r}")
    return share


ArchiveUrl = Annotated[
    str,
    typer.Argument(
        metavar="ARCHIVE", help="The archive: a folder, or any fsspec URL such as s3://bucket/archive."
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="YAML with codec, workers, storage ...; docs/reference/config.md has every key. Options override it.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only tell what is new, changed, unchanged and gone, and how many bytes that is. Writes nothing.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="End stdout with JSON; progress goes to stderr.")]
AsOfVersion = Annotated[
    Any,
    typer.Option(
        "--as-of",
        metavar="VERSION",
        parser=read_version,
        help="The archive as it was: a version's number, as `tenfold history` lists them, or a time (UTC) such as "
        "2026-11-20 or 2026-11-20T03:00.",
    ),
]
"""An `AsOf`, or None."""
VersionArgument = Annotated[
    Any, typer.Argument(metavar="VERSION", parser=read_version, help="A version's number, or a time (UTC).")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Ray actors. Default: every GPU of the cluster, or every core without one. 0: this process, no Ray.",
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address", help="Ray cluster to join, e.g. auto. Default: RAY_ADDRESS, else start one here."
    ),
]


def read_config(
    path: Path | None,
    *,
    codec: str | None = None,
    quality: int | None = None,
    ratio: float | None = None,
    bpp: float | None = None,
    min_psnr_db: float | None = None,
    min_ms_ssim: float | None = None,
    weights: str | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
) -> CompressConfig:
    """The configuration file with the command line's options laid over it.

    A target on the command line replaces the file's target, whichever kind either is.
    """
    base = load_config(path, {})
    target = {"quality": quality, "ratio": ratio, "bpp": bpp}
    floors = {"min_psnr_db": min_psnr_db, "min_ms_ssim": min_ms_ssim}
    if any(value is not None for value in target.values()):
        base = base.model_copy(
            update={"codec": base.codec.model_copy(update=dict.fromkeys(("quality", "ratio", "bpp")))}
        )
    return load_config(
        None,
        {
            **base.model_dump(),
            "codec": {
                **base.codec.model_dump(),
                **_given({"id": codec, **target, **floors, "weights": weights}),
            },
            "workers": {
                **base.workers.model_dump(),
                **_given({"count": workers, "ray_address": ray_address}),
            },
        },
    )


def _given(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
