"""The ways to store an image that are compared: codecs without loss, codecs with loss, and our own measures.

What could change the numbers of a method is part of its identity: its id, its settings, and its library's version.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import metadata
from typing import Any, Final, Literal

from codec.bench.baselines import BASELINES, Baseline
from codec.bench.judges import Judge
from codec.bench.judges.kernel_distance import Windows
from codec.bench.libraries import library, why_missing
from codec.bench.lossless import LOSSLESS, Lossless
from codec.bench.measure import Sample
from codec.contract import FAITHFUL
from codec.family import OtherDecoder
from pipeline.own_code import VERSION
from pipeline.report.comparison.crops import PICTURE_SETTINGS, Pictures
from pipeline.report.comparison.judging import reported_judges
from pipeline.types import CatalogueRow

Kind = Literal["lossless", "lossy", "ours", "set"]
"""`set`: our measure of all images together."""
FIDELITY: Final = "tenfold"
PICTURES: Final = "pictures"
_OUR_CODE: Final = f"tenfold {VERSION}, torch {metadata.version('torch')}"
_BY: Final = "@"
_MEASURES: Final = 1
"""Counts up when one of our own measures is computed in another way."""
_QUALITIES: Final = {
    "jpeg_420": (5, 10, 20, 35, 55, 75, 90, 95),
    "webp_m6": (1, 10, 30, 55, 75, 88, 95),
    "avif_s6_420": (5, 18, 32, 48, 64, 78, 90),
    "jxl_e7": (5, 15, 30, 48, 66, 82, 92),
}
"""Who is in, and at how many points: fewer than `tenfold bench rd` has, for every point is paid once an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Bytes that an image takes without loss."""

    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """An image at several qualities of a codec that loses."""

    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How near our decoded image is to its original."""

    psnr_db: float | None
    """None when nothing was lost."""
    ssim: float | None
    ms_ssim: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One number."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetScore:
    """One number of several images together."""

    value: float
    floor: float
    """What the judge says of two halves of the originals, where nothing was lost."""
    images: int


Result = Size | Curve | Fidelity | Score | SetScore | Windows | Pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a number is of: an image, or several of them."""

    sha256: str
    """Of its source file, or of what tells the images."""
    payload_crc32c: int | None


def subject_of(row: CatalogueRow) -> Subject | None:
    """One image; None where its source file is not known."""
    if row.source_sha256 is None:
        return None
    return Subject(sha256=row.source_sha256, payload_crc32c=row.payload_crc32c)


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One of them, as the report names it."""

    id: str
    title: str
    kind: Kind
    settings: str
    library: str
    """Name and version of what makes the number here."""
    decoder: str = FAITHFUL
    """Of our payloads, whose pictures are measured."""
    is_trained_on: bool = False
    """Whether that decoder was trained on this judge, which therefore does not judge it."""

    @property
    def measure(self) -> str:
        """Its id as it is of faithful pictures."""
        return self.id.partition(_BY)[0]

    def by(self, decoder: OtherDecoder, *, files: Sequence[str], trained_on: Container[str]) -> Method:
        """The same of the pictures that another decoder shows, whose weights may be others in another release.

        Args:
            files: digests of the weights files that the archive keeps of it.
            trained_on: names of the judges that it was trained on.
        """
        weights = "".join(f" {digest}" for digest in files)
        return replace(
            self,
            id=f"{self.id}{_BY}{decoder.name}",
            title=f"{self.title}, by {decoder.name}{' (generated)' if decoder.generates else ''}",
            settings=f"{self.settings}, shown by {decoder.name} of tenfold {VERSION}{weights}",
            is_trained_on=self.title in trained_on,
            decoder=decoder.name,
        )

    def identity(self, *, payload_crc32c: int | None) -> dict[str, Any]:
        """What a cached number must agree in; our payload counts only for what is measured on it."""
        return {
            "contestant": self.id,
            "settings": self.settings,
            "library": self.library,
            "measures": _MEASURES,
            "payload_crc32c": payload_crc32c if self.kind == "ours" else None,
        }


def baseline_of(method_id: str) -> Baseline:
    """The codec behind a lossy method."""
    found = next(baseline for baseline in BASELINES if baseline.id == method_id)
    return replace(found, qualities=_QUALITIES[method_id])


def lossless_of(method_id: str) -> Lossless:
    """The way of storing behind a lossless method."""
    return next(one for one in LOSSLESS if one.id == method_id)


def available_methods() -> tuple[list[Method], dict[str, str]]:
    """Those whose library is here, and by title why the others are left out."""
    baselines = [baseline_of(method_id) for method_id in _QUALITIES]
    offered: list[tuple[str, str | None, Callable[[], Method]]] = [
        *((one.title, why_missing(one.format), partial(_lossless_method, one)) for one in LOSSLESS),
        *((one.title, why_missing(one.format), partial(_lossy_method, one)) for one in baselines),
        (FIDELITY, None, partial(_own_method, FIDELITY, "PSNR, SSIM, MS-SSIM")),
        *(
            (judge.name, judge.missing(), partial(_judged_method, judge_id, judge))
            for judge_id, judge in reported_judges().items()
        ),
    ]
    here = [method() for _, reason, method in offered if reason is None]
    return here, {title: reason for title, reason, _ in offered if reason is not None}


def _lossless_method(one: Lossless) -> Method:
    return Method(
        id=one.id, title=one.title, kind="lossless", settings=one.settings, library=library(one.format)
    )


def _lossy_method(one: Baseline) -> Method:
    settings = f"{one.settings}, qualities {' '.join(map(str, one.qualities))}"
    return Method(id=one.id, title=one.title, kind="lossy", settings=settings, library=library(one.format))


def _own_method(method_id: str, title: str) -> Method:
    settings = "RGB, decoded 8-bit pixels"
    return Method(id=method_id, title=title, kind="ours", settings=settings, library=_OUR_CODE)


def _judged_method(judge_id: str, judge: Judge) -> Method:
    own = _own_method(judge_id, judge.name)
    return replace(
        own,
        kind="ours" if judge.of_set is None else "set",
        library=own.library if judge.library is None else library(judge.library),
    )


def pictures_method() -> Method:
    """Pictures are made of few images, and cached like a measure of ours."""
    settings = f"{PICTURE_SETTINGS}, WebP"
    return Method(id=PICTURES, title="Pictures", kind="ours", settings=settings, library=library("WEBP"))


def result_json(result: Result) -> dict[str, Any]:
    """As it is cached: an infinite PSNR is null."""
    match result:
        case Curve(samples=samples):
            plain = [asdict(sample) for sample in samples]
            for sample in plain:
                sample["psnr_db"] = None if sample["psnr_db"] == float("inf") else sample["psnr_db"]
            return {"curve": plain}
        case _:
            return {type(result).__name__.lower(): asdict(result)}


def parse_result(plain: dict[str, Any]) -> Result:
    """Undo `result_json`.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is none.
    """
    ((kind, value),) = plain.items()
    if kind == "curve":
        return Curve(
            samples=tuple(
                Sample(**{**one, "psnr_db": float("inf") if one["psnr_db"] is None else one["psnr_db"]})
                for one in value
            )
        )
    kinds: dict[str, type[Result]] = {
        "size": Size,
        "fidelity": Fidelity,
        "score": Score,
        "setscore": SetScore,
        "pictures": Pictures,
    }
    return kinds[kind](**value)
