"""Every odd image goes the whole road: a row with a reason, and back as it was but for loss."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from pipeline.image.read import read_image
from pipeline.types import Image
from tests.support.odd_images import ODD_IMAGES
from tests.support.road import Ran, tenfold


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Ran]:
    """A folder of every odd image, its archive, and what making it printed."""
    folder = tmp_path_factory.mktemp("odd")
    for name, case in ODD_IMAGES.items():
        path = folder / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.make())
    (folder / "source" / "notes.txt").write_text("not named like an image")
    quick = ("--codec", "ae-zfp-1", "--workers", "0", "--json")
    return (
        folder / "source",
        folder / "archive",
        tenfold("compress", folder / "source", folder / "archive", *quick),
    )


def test_every_odd_image_is_a_row_with_a_reason(odd: tuple[Path, Path, Ran]) -> None:
    _, archive, ran = odd
    assert ran.code == 3
    summary = ran.json()
    assert summary["skipped"] == 1  # notes.txt
    assert summary["images"] == len(ODD_IMAGES) == summary["coded"] + summary["lossless"] + summary["kept"]
    assert summary["damaged"] == sum(case.is_damaged for case in ODD_IMAGES.values())
    rows = {row["key"]: row for row in tenfold("ls", archive, "--json").json()}
    assert sorted(rows) == sorted(ODD_IMAGES)
    for name, case in ODD_IMAGES.items():
        row = rows[name]
        assert row["damaged"] == case.is_damaged, (name, row["reason"])
        if case.status == "coded":  # palettes lose nothing; small ones may not get smaller, and are kept then
            assert row["status"] in ("coded", "lossless", "kept"), (name, row["reason"])
        else:
            assert row["status"] == case.status, (name, row["reason"])
            assert case.reason in row["reason"], (name, row["reason"])


def test_every_odd_image_that_was_stored_comes_back(odd: tuple[Path, Path, Ran], tmp_path: Path) -> None:
    source, archive, _ = odd
    assert tenfold("decode", archive, tmp_path, "--workers", "0").code == 0
    for row in tenfold("ls", archive, "--json").json():
        if row["status"] == "kept":
            assert (tmp_path / row["key"]).read_bytes() == (source / row["key"]).read_bytes(), row["key"]
        elif row["status"] in ("coded", "lossless"):
            _assert_same_but_for_loss(source / row["key"], tmp_path)


def _assert_same_but_for_loss(before: Path, folder: Path) -> None:
    """The decoded file is its source but for the codec's loss: channels, alpha and all metadata are equal."""
    name = before.name if before.name.lower().endswith(".png") else f"{before.name}.png"
    original = read_image(before.read_bytes())
    back = read_image((folder / name).read_bytes())
    assert isinstance(original, Image)
    assert isinstance(back, Image)
    assert back.pixels.shape == original.pixels.shape, before.name
    for kind in ("exif", "icc", "xmp", "orientation"):
        assert getattr(back, kind) == getattr(original, kind), (before.name, kind)
    assert (back.alpha is None) == (original.alpha is None), before.name
    if original.alpha is not None and back.alpha is not None:
        assert np.array_equal(pixels(back.alpha), pixels(original.alpha)), before.name


def pixels(data: bytes) -> np.ndarray:
    with PillowImage.open(io.BytesIO(data)) as opened:
        return np.asarray(opened)
