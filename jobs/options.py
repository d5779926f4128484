"""Arguments and options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from codec.contract import EFFORTS
from codec.errors import CodecConfigError, UnknownCodecError
from pipeline.archive.versions import parse_as_of
from pipeline.config import TARGETS, CompressConfig
from pipeline.config_file import load_config
from pipeline.decode.file_form import FileForm, NamePolicy, OutputFormat
from pipeline.errors import ConfigError, SourceError, StorageError, UsageError
from pipeline.globs import key_matcher
from pipeline.source.keys import utf8_key

ReadT = TypeVar("ReadT")


_REFUSALS = (ConfigError, SourceError, CodecConfigError, UnknownCodecError)


def parameter(parse: Callable[[str], ReadT]) -> Callable[[str], ReadT]:
    """A parser of ours for an option: what it refuses is wrong usage. It contacts no store."""

    def read(text: str) -> ReadT:
        try:
            return parse(text)
        except (*_REFUSALS, StorageError) as error:
            raise typer.BadParameter(str(error)) from error

    return read


read_version = parameter(parse_as_of)


@contextmanager
def usage() -> Iterator[None]:
    """What is refused inside was said on the command line.

    Raises:
        UsageError: instead of what refuses it.
    """
    try:
        yield
    except _REFUSALS as error:
        raise UsageError(str(error)) from error


def _glob_of_keys(pattern: str | None) -> str | None:
    if pattern is None:
        return None
    parameter(key_matcher)(pattern)
    return utf8_key(pattern)


def key_of_file(name: str | None) -> str | None:
    """A key from the name of a file, whose bytes a shell hands over though they may be no text."""
    return None if name is None else utf8_key(name)


def keys_of_files(names: list[str] | None) -> list[str] | None:
    """The same of several."""
    return None if names is None else [utf8_key(name) for name in names]


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
KeyGlob = Annotated[
    str | None,
    typer.Option(
        callback=_glob_of_keys,
        help="Only keys that match. In a pattern with a `/`, as `'holiday/**/*.jpg'`, `*` stays inside one folder and "
        "`**` spans folders; one without, as `'*.jpg'`, is matched against the whole key.",
    ),
]
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
Effort = Annotated[
    int | None,
    typer.Option(
        "--effort",
        min=EFFORTS.start,
        max=EFFORTS.stop - 1,
        help="0 (default) to 3: look for what shows more of each image in as many bytes. Takes seconds a megapixel, "
        "which are said first (--dry-run says it for all images); decoding takes no longer.",
        show_default=False,
    ),
]
Importance = Annotated[
    str | None,
    typer.Option(
        "--importance",
        metavar="auto|MAPS",
        help="Where bits matter. auto: fewer in strong textures, more in weak ones. MAPS: grey pictures, such as "
        "'maps/{key}.png' or 's3://bucket/maps/{stem}.png' ({stem}: the key without its ending), each laid over its "
        "image: white is up to 24 quality levels more, black 24 less, 128 as usual. An image without a map is encoded "
        "as usual.",
        show_default=False,
    ),
]
Words = Annotated[
    str | None,
    typer.Option(
        "--words",
        metavar="TEXTS",
        help="What the images show, for codecs that take words (`tenfold codecs` says which): text files in UTF-8, "
        "such as 'words/{key}.txt' or 's3://bucket/words/{stem}.txt', of up to 1,024 bytes each. An image without one "
        "is encoded as without words.",
        show_default=False,
    ),
]
AdaptTime = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="T",
        help="Of learning, such as 10m (default) or 1h; reading and judging come on top. auto: by the size of SRC, and "
        "not at all where weights of its own would not pay.",
        show_default=False,
    ),
]
Adapt = Annotated[
    str | None,
    typer.Option(
        "--adapt",
        metavar="T",
        help="First let the codec learn from the images of SRC for so long, such as 10m, or auto (by the size of SRC), "
        "and encode with what is proved better on images held back; else as before (`tenfold adapt` says more). "
        "Without it: with what ARCHIVE has learned.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=0,
        help="Ray actors. Default: every GPU of the cluster, or every core without one; for little work (up to about a "
        "hundred images) on this machine alone, none. 0: this process, no Ray.",
    ),
]
OutQuality = Annotated[
    int | None,
    typer.Option(
        "--out-quality",
        min=1,
        max=100,
        metavar="N",
        help="1 (smallest) to 100, of files in lossy formats. Default: 95 for jpeg, 90 for avif, lossless webp; for "
        "source the best that makes no file larger than the original was.",
    ),
]
DecoderName = Annotated[
    str,
    typer.Option(
        "--decoder",
        metavar="NAME",
        help="What shows coded images: faithful, as near to the original as the bytes allow, or another decoder of the "
        "codec (`tenfold codecs` says what each is for). Images stored otherwise come as they are.",
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="HOST:PORT",
        help="Ray cluster to join: its head, or auto. Default: RAY_ADDRESS, else start one here.",
    ),
]


OPTION_OF: Final = {
    "codec.quality": "--quality",
    "codec.ratio": "--ratio",
    "codec.bpp": "--bpp",
    "codec.min_psnr_db": "--min-psnr",
    "codec.min_ms_ssim": "--min-ms-ssim",
    "codec.importance": "--importance",
    "codec.words": "--words",
    "max_error": "--max-error",
    "adapt.time": "--adapt or --time",
    "workers.count": "--workers",
    "workers.ray_address": "--ray-address",
    "nightly.max_seconds": "--max-seconds",
}
"""What the command line calls a key of the config."""


def read_form(fmt: OutputFormat | None, quality: int | None, names: NamePolicy = "append") -> FileForm:
    """How files are to come; what does not go together is wrong usage."""
    try:
        return FileForm(fmt=fmt, quality=quality, names=names)
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--out-quality") from error


def read_config(
    path: Path | None,
    *,
    codec: Mapping[str, object] | None = None,
    source: Mapping[str, object] | None = None,
    exactness: Mapping[str, object] | None = None,
    adapt: Mapping[str, object] | None = None,
    workers: int | None = None,
    ray_address: str | None = None,
) -> CompressConfig:
    """The configuration file with the command line's options laid over it; None is an option that was not given.

    A target on the command line replaces the file's target, whichever kind either is.

    Args:
        codec: options by the names of `CodecConfig`.
        source: likewise of `SourceOptions`.
        exactness: `lossless` and `max_error`.
        adapt: options by the names of `AdaptConfig`.
    Raises:
        ConfigError: the file is wrong.
        UsageError: the command line is.
    """
    settings = load_config(path, {}).model_dump(exclude_unset=True)  # a default may depend on the options
    options: dict[str, Mapping[str, object]] = {
        "codec": codec or {},
        "source": source or {},
        "workers": {"count": workers, "ray_address": ray_address},
    }
    if any(options["codec"].get(name) is not None for name in TARGETS):
        settings["codec"] = settings.get("codec", {}) | dict.fromkeys(TARGETS)
    if any(value is not None for value in (adapt or {}).values()):
        options["adapt"] = adapt or {}
    for section, values in options.items():
        given = {name: value for name, value in values.items() if value is not None}
        settings[section] = (settings.get(section) or {}) | given
    settings |= {name: value for name, value in (exactness or {}).items() if value is not None}
    return load_config(None, settings, options=OPTION_OF)
