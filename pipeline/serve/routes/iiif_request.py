"""IIIF Image API 3.0: from the words of a request to a view. https://iiif.io/api/image/3.0/

Pure functions. They take the upright size of an image, and know nothing of how it is stored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from pipeline.serve.view import Box, Colours, View, ViewFormat

FORMATS: Final[dict[str, ViewFormat]] = {"jpg": "jpeg", "png": "png", "webp": "webp"}
"""By their names in a URL."""
QUALITIES: Final[dict[str, Colours]] = {"color": "default", **{name: name for name in get_args(Colours)}}

_NUMBER: Final = r"(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_REGION: Final = re.compile(
    rf"full|square|(?P<pct>pct:)?(?P<box>{_NUMBER},{_NUMBER},{_NUMBER},{_NUMBER})", re.ASCII
)
_SIZE: Final = re.compile(
    rf"(?P<up>\^)?(?:max|pct:(?P<pct>{_NUMBER})|(?P<fits>!)?(?P<width>\d{{1,9}})?,(?P<height>\d{{1,9}})?)",
    re.ASCII,
)
_ROTATION: Final = re.compile(rf"(?P<mirrored>!)?(?P<degrees>{_NUMBER})", re.ASCII)
_FILE: Final = re.compile(r"(?P<quality>[a-z]+)\.(?P<format>[a-z0-9]+)")
_WORDS: Final = 4
"""Region, size, rotation, quality.format: what follows the key."""


class BadViewError(ValueError):
    """A request that says what the standard does not know, or what this image does not have."""


class NotOfferedError(ValueError):
    """A request that the standard knows, for what is not made here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewWords:
    """The four words of an image request, as they came."""

    region: str
    size: str
    rotation: str
    file: str

    def are_well_formed(self) -> bool:
        """Whether all are of the standard's grammar, whatever the image."""
        patterns = (
            (_REGION, self.region),
            (_SIZE, self.size),
            (_ROTATION, self.rotation),
            (_FILE, self.file),
        )
        return all(pattern.fullmatch(word) for pattern, word in patterns)


def split_words(segments: Sequence[str]) -> tuple[str, ViewWords] | None:
    """The key and the words of a path that may be an image request; keys hold slashes, so it is read from the right."""
    if len(segments) <= _WORDS:
        return None
    region, size, rotation, file = segments[-_WORDS:]
    words = ViewWords(region=region, size=size, rotation=rotation, file=file)
    return "/".join(segments[:-_WORDS]), words


def read_view(words: ViewWords, width: int, height: int, *, max_area: int) -> View:
    """The view that is asked for.

    Args:
        width: of the upright image.
        height: of the upright image.
        max_area: pixels of the largest picture that is made.
    Raises:
        BadViewError: the words are not well-formed, or ask for what the image does not have.
        NotOfferedError: for more pixels than it has.
    """
    region = _read_region(words.region, width, height)
    across, down = _read_size(words.size, region, max_area)
    is_mirrored, turns = _read_rotation(words.rotation)
    file = _FILE.fullmatch(words.file)
    if file is None or file["quality"] not in QUALITIES or file["format"] not in FORMATS:
        choices = f"one of {', '.join(QUALITIES)}, a dot, and one of {', '.join(FORMATS)}"
        raise BadViewError(f"Expected {choices}, got {words.file!r}.")
    return View(
        region=region,
        width=across,
        height=down,
        is_mirrored=is_mirrored,
        quarter_turns=turns,
        colours=QUALITIES[file["quality"]],
        fmt=FORMATS[file["format"]],
    )


def write_words(view: View, width: int, height: int, *, max_area: int) -> str:
    """The canonical request for a view: the same for all requests that give it."""
    left, top, across, down = view.region
    region = "full" if (across, down) == (width, height) else f"{left},{top},{across},{down}"
    is_largest = (view.width, view.height) == largest(across, down, max_area)
    size = "max" if is_largest else f"{view.width},{view.height}"
    rotation = f"{'!' if view.is_mirrored else ''}{view.quarter_turns * 90}"
    fmt = next(name for name, fmt in FORMATS.items() if fmt == view.fmt)
    return f"{region}/{size}/{rotation}/{view.colours}.{fmt}"


def largest(width: int, height: int, max_area: int) -> tuple[int, int]:
    """The most pixels that are given of a region: all of them, or as many as fit the limit in its proportions."""
    if width * height <= max_area:
        return width, height
    share = math.sqrt(max_area / (width * height))
    across = min(max(1, math.floor(width * share)), max_area)
    return across, min(max(1, math.floor(height * share)), max_area // across)


def _read_region(word: str, width: int, height: int) -> Box:
    match = _REGION.fullmatch(word)
    if match is None:
        raise BadViewError(f"Expected a region: full, square, x,y,w,h or pct:x,y,w,h, got {word!r}.")
    if word == "full":
        return 0, 0, width, height
    if word == "square":
        side = min(width, height)
        return (width - side) // 2, (height - side) // 2, side, side
    numbers = [float(number) for number in match["box"].split(",")]
    if match["pct"]:
        numbers = [share * side / 100 for share, side in zip(numbers, (width, height) * 2, strict=True)]
    elif not all(number.isdecimal() for number in match["box"].split(",")):
        raise BadViewError(f"Expected a region in whole pixels, got {word!r}. Shares are pct:x,y,w,h.")
    left, top, across, down = map(round, numbers)
    across, down = min(across, width - left), min(down, height - top)
    if across < 1 or down < 1:
        raise BadViewError(f"Expected a region with pixels of this image of {width}x{height}, got {word!r}.")
    return left, top, across, down


def _read_size(word: str, region: Box, max_area: int) -> tuple[int, int]:
    match = _SIZE.fullmatch(word)
    if match is None or word.lstrip("^!") == ",":
        raise BadViewError(f"Expected a size: max, w, or ,h or w,h or !w,h or pct:n, got {word!r}.")
    _, _, across, down = region
    if word.endswith("max"):
        return largest(across, down, max_area)
    if match["pct"]:
        width, height = (round(side * float(match["pct"]) / 100) for side in (across, down))
    elif match["fits"]:
        if not match["width"] or not match["height"]:
            raise BadViewError(f"Expected a box to fit into, as !w,h, got {word!r}.")
        share = min(int(match["width"]) / across, int(match["height"]) / down)
        share = share if match["up"] else min(share, 1.0)
        width, height = round(across * share), round(down * share)
        if share <= 1 and width * height > max_area:
            return largest(
                across, down, max_area
            )  # a box asks for what fits into it and into the server's limit
        if share > 0:
            width, height = max(1, width), max(1, height)
    else:
        asked_width, asked_height = (
            int(match[side]) if match[side] else None for side in ("width", "height")
        )
        width = max(1, round(across * (asked_height or 0) / down)) if asked_width is None else asked_width
        height = max(1, round(down * width / across)) if asked_height is None else asked_height
    _check_size(word, (width, height), region, max_area, may_grow=bool(match["up"]))
    return width, height


def _check_size(word: str, size: tuple[int, int], region: Box, max_area: int, *, may_grow: bool) -> None:
    (width, height), (_, _, across, down) = size, region
    if width < 1 or height < 1:
        raise BadViewError(f"Expected a size of at least one pixel each way, got {word!r}.")
    if width > across or height > down:
        words = f"Expected a size of at most {across}x{down}, the pixels of the region, got {word!r}."
        raise NotOfferedError(f"{words} Nothing is made larger here.") if may_grow else BadViewError(words)
    if width * height > max_area:
        raise BadViewError(
            f"Expected a picture of at most {max_area:,} pixels, as info.json says in maxArea, got {word!r}."
        )


def _read_rotation(word: str) -> tuple[bool, int]:
    match = _ROTATION.fullmatch(word)
    if match is None or float(match["degrees"]) not in (0, 90, 180, 270, 360):
        raise BadViewError(
            f"Expected a rotation of 0, 90, 180 or 270, with ! before it to mirror, got {word!r}."
        )
    return bool(match["mirrored"]), int(float(match["degrees"])) // 90 % 4
