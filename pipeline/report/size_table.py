"""The first question, in the same words everywhere: how much smaller, against zip and against the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Sizes(Protocol):
    """What is compared: the sums of an archive (`Totals`), or of one run (`RunSummary`)."""

    @property
    def pixels(self) -> int: ...
    @property
    def raw_bytes(self) -> int: ...
    @property
    def zip_bytes(self) -> int: ...
    @property
    def zipped_pixels(self) -> int: ...
    @property
    def source_bytes(self) -> int: ...
    @property
    def zip_source_bytes(self) -> int: ...
    @property
    def payload_bytes(self) -> int: ...
    @property
    def ratio_vs_raw(self) -> float | None: ...
    @property
    def ratio_vs_source(self) -> float | None: ...
    @property
    def zip_ratio_vs_raw(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRow:
    """One way to hold the same images."""

    what: str
    num_bytes: int
    ratio_vs_raw: float | None
    ratio_vs_source: float | None


def size_rows(sizes: Sizes) -> list[SizeRow]:
    """From raw pixels to this archive."""

    def row(what: str, num_bytes: int, pixels: int) -> SizeRow:
        complete = pixels == sizes.pixels
        return SizeRow(
            what=what,
            num_bytes=num_bytes,
            ratio_vs_raw=3 * pixels / num_bytes if num_bytes else None,
            ratio_vs_source=sizes.source_bytes / num_bytes if num_bytes and complete else None,
        )

    partly = "" if sizes.zipped_pixels == sizes.pixels else " (decodable images only)"
    return [
        row("raw 24-bit pixels", sizes.raw_bytes, sizes.pixels),
        row(f"zip of the raw pixels{partly}", sizes.zip_bytes, sizes.zipped_pixels),
        row("source files", sizes.source_bytes, sizes.pixels),
        row("zip of the source files", sizes.zip_source_bytes, sizes.pixels),
        row("this archive's payloads", sizes.payload_bytes, sizes.pixels),
    ]


def verdict(sizes: Sizes) -> str:
    """One honest sentence: what zip got, what this archive got, and where it loses."""
    ours, zipped = sizes.ratio_vs_raw, sizes.zip_ratio_vs_raw
    if ours is None or zipped is None:
        return "Nothing to compare with zip: no image's pixels were decoded."
    sentence = (
        f"Zip makes these pixels {zipped:.2f}x smaller, this archive {ours:.1f}x: {ours / zipped:.1f} times zip. "
        "Zip is lossless, this archive is not."
    )
    against = sizes.ratio_vs_source
    if against is not None and against < 1:
        sentence += f" It is larger than the source files ({against:.2f}x)."
    return sentence
