"""The first question, in the same words everywhere: how much smaller, against zip and against the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Sizes(Protocol):
    """What is compared: the sums of an archive (`Totals`), or of one run (`RunSummary`)."""

    @property
    def coded(self) -> int: ...
    @property
    def bounded(self) -> int: ...
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
    ratio_vs_source: float | None
    ratio_vs_raw: float | None


def size_rows(sizes: Sizes) -> list[SizeRow]:
    """From raw pixels to this archive."""

    def row(what: str, num_bytes: int, pixels: int) -> SizeRow:
        complete = pixels == sizes.pixels
        return SizeRow(
            what=what,
            num_bytes=num_bytes,
            ratio_vs_source=sizes.source_bytes / num_bytes if num_bytes and complete else None,
            ratio_vs_raw=3 * pixels / num_bytes if num_bytes else None,
        )

    partly = "" if sizes.zipped_pixels == sizes.pixels else " (decodable images only)"
    return [
        row("raw 24-bit pixels", sizes.raw_bytes, sizes.pixels),
        row(f"zip of the raw pixels, estimated{partly}", sizes.zip_bytes, sizes.zipped_pixels),
        row("source files", sizes.source_bytes, sizes.pixels),
        row("zip of the source files, estimated", sizes.zip_source_bytes, sizes.pixels),
        row("this archive's payloads", sizes.payload_bytes, sizes.pixels),
    ]


def verdict(sizes: Sizes) -> str:
    """What this archive gained against the files and against zip, and what zip does not lose."""
    against, ours, zipped = sizes.ratio_vs_source, sizes.ratio_vs_raw, sizes.zip_ratio_vs_raw
    sentence = ""
    if against is not None:
        held = f"{against:.2f}x smaller" if against >= 1 else f"larger ({1 / against:.2f} times)"
        sentence = f"Against your files the payloads are {held}. "
    if ours is None or zipped is None:
        return f"{sentence}Nothing to compare with zip: no image's pixels were decoded."
    return (
        f"{sentence}Against raw pixels they are {ours:.1f}x smaller, where zip reaches {zipped:.2f}x: "
        f"{ours / zipped:.1f} times zip. {_losses(sizes)}"
    )


def _losses(sizes: Sizes) -> str:
    if sizes.coded or sizes.bounded:
        return "Zip is lossless, this archive is not."
    return "Both are lossless."
