"""Pictures of one size side by side on a white sheet, with words over the columns and before the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from codec.contract import RGB

_MARGIN: Final = 64
_TEXT: Final = 20
_LEAST_WIDTH: Final = 112
"""Of a column: what stands over it must fit. Smaller pictures are shown as large as whole pixels allow."""


def save_contact_sheet(path: Path, columns: Sequence[str], rows: Mapping[str, Sequence[RGB]]) -> None:
    """Write a PNG file: a name for each column, and by its name each row of as many pictures.

    Raises:
        OSError: the file cannot be written.
    """
    height, width = next(iter(rows.values()))[0].shape[:2]
    times = -(-_LEAST_WIDTH // width)
    height, width = times * height, times * width
    sheet = Image.new("RGB", (_MARGIN + width * len(columns), _TEXT + height * len(rows)), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, name in enumerate(columns):
        draw.text((_MARGIN + width * number + 4, 2), name, fill=(0, 0, 0), font=font)
    for down, (label, pictures) in enumerate(rows.items()):
        top = _TEXT + height * down
        draw.text((4, top + 4), label, fill=(0, 0, 0), font=font)
        for number, pixels in enumerate(pictures):
            picture = Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(picture, (_MARGIN + width * number, top))
    sheet.save(path)
