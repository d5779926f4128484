"""Options that several benchmarks share, and what they may say."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from codec.bench.libraries import INSTALL
from codec.contract import QUALITIES
from codec.errors import CodecConfigError
from codec.registry import family_of, preset_weights
from jobs.options import parameter
from pipeline.errors import ConfigError, UsageError
from pipeline.store.urls import folder_here

read_folder = parameter(folder_here)

ImagesFolder = Annotated[
    Path,
    typer.Option(
        "--images", metavar="DIR", parser=read_folder, help="A folder of real images; none is changed."
    ),
]


def _checked_family(codec: str) -> str:
    parameter(family_of)(codec)
    return codec


CodecId = Annotated[
    str,
    typer.Option(
        "--codec",
        metavar="ID",
        callback=_checked_family,
        help="hyper-1, ae-zfp-1, or another codec family that is installed: `tenfold codecs` lists them.",
    ),
]

EncodeWith = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="FILE",
        help="Encode with these, from `tenfold train`, or with this preset of `tenfold codecs`, instead of the "
        "codec's own.",
    ),
]


def parse_qualities(text: str) -> list[float]:
    """`8,32,56.5` as numbers, rising, each once.

    Raises:
        UsageError: a word is no number from 0 to 63.
    """
    try:
        qualities = sorted({float(word) for word in text.split(",")})
    except ValueError:
        qualities = []
    highest = QUALITIES.stop - 1
    if not qualities or not all(QUALITIES.start <= quality <= highest for quality in qualities):
        raise UsageError(f"Expected qualities from 0 to {highest} separated by commas, got {text!r}.")
    return qualities


def read_weights(codec: str, weights: str) -> bytes:
    """A weights file, or a preset of a codec where no file has that name.

    Raises:
        UsageError: there is neither.
    """
    path = Path(weights)
    try:
        return path.read_bytes() if path.is_file() else preset_weights(codec, weights)
    except OSError as error:
        raise UsageError(f"Expected a weights file at {weights}, got: {error.strerror}.") from error
    except CodecConfigError as error:
        raise UsageError(f"Expected a weights file at {weights}, got nothing there; or {error}.") from error


def parse_rates(text: str) -> tuple[float, ...]:
    """`0.25,0.5` as numbers, rising, each once.

    Raises:
        UsageError: a word is no number of bits above 0, up to 24.
    """
    try:
        rates = sorted({float(word) for word in text.split(",")})
    except ValueError:
        rates = []
    if not rates or not all(0 < rate <= 24 for rate in rates):
        raise UsageError(f"Expected bits per pixel above 0, up to 24, separated by commas, got {text!r}.")
    return tuple(rates)


def require(*packages: str) -> None:
    """Refuse to start without packages of the extra `bench`.

    Raises:
        ConfigError: one is missing.
    """
    if missing := [package for package in packages if find_spec(package) is None]:
        raise ConfigError(f"Expected the extra `bench`, got no {', '.join(missing)} here; {INSTALL}.")


def make_folder(folder: Path) -> None:
    """Before hours of measuring, not after.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"Expected a folder to write to, got {folder}: {error.strerror}.") from error
