"""`tenfold get` in another size, and of a part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from tests.support.image_archives import fill, kept
from tests.support.image_files import EXIF, ICC, file_of, picture
from tests.support.road import tenfold


@pytest.fixture
def archive(tmp_path: Path) -> str:
    data = file_of(picture(), "JPEG", exif=EXIF, icc_profile=ICC)
    return fill(str(tmp_path / "a"), [kept("a.jpg", data, fmt="JPEG")])


def test_a_size_and_a_part_are_written_as_they_are_stored(archive: str, tmp_path: Path) -> None:
    small, part = tmp_path / "small.jpg", tmp_path / "part.png"
    said = tenfold("get", archive, "a.jpg", "-o", small, "--size", "20")
    assert f"{small}: jpeg, 20 x 12 pixels, " in said.err
    assert tenfold("get", archive, "a.jpg", "-o", part, "--region", "3,5,30,10", "--height", "99").code == 0
    folder = tmp_path / "all"
    assert tenfold("get", archive, "a*", "-o", f"{folder}/", "--size", "20", "--format", "jpeg").code == 0
    with PIL.Image.open(folder / "a.jpg") as image:
        assert image.size == (20, 12)
    with PIL.Image.open(small) as image:
        assert (image.size, image.getexif()[0x0112], image.info["icc_profile"]) == ((20, 12), 6, ICC)
    assert tenfold("get", archive, "a.jpg", "-o", tmp_path / "whole.png", "--format", "png").code == 0
    with PIL.Image.open(part) as image, PIL.Image.open(tmp_path / "whole.png") as whole:
        assert np.array_equal(np.asarray(image), np.asarray(whole.crop((3, 5, 33, 15))))


def test_the_name_of_a_file_that_is_no_text_is_taken_for_its_key(tmp_path: Path) -> None:
    url = fill(str(tmp_path / "a"), [kept("b%FF.gif", b"kept as it is")])
    assert tenfold("get", url, "b\udcff.gif", "-o", tmp_path / "back.gif").code == 0
    assert (tmp_path / "back.gif").read_bytes() == b"kept as it is"
    for words in (("rm", url, "b\udcff.gif"), ("ls", url, "--glob", "*\udcff.gif")):
        assert "b%FF.gif" in tenfold(*words).out
    assert "'b%FF.gif'" in tenfold("search", url, "--like", "b\udcff.gif").err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--region", "1,2,3"), 2, "expected four whole numbers, left, top, width and height"),
        (
            ("--region", "0,0,41,5"),
            1,
            "Expected a region within the image's 40 x 24 pixels as stored, got 41 x 5",
        ),
        (("--size", "9", "--height", "9"), 2, "or a box of --width and --height: not both"),
        (("--width", "0"), 2, "greater than or equal to 1"),
        (
            ("--width", "5", "-o", "folder/"),
            2,
            "--region and --first-bytes are of one image: name the FILE to write, or take --size",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    archive: str, tmp_path: Path, options: tuple[str, ...], code: int, message: str
) -> None:
    said = tenfold("get", archive, "a.jpg", "-o", tmp_path / "x.png", *options)
    assert said.code == code
    assert message in " ".join(said.err.replace("│", " ").split())
