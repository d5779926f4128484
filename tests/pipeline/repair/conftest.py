"""Archives to damage."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import pipeline.compress.run_codec
import pipeline.decode.resident_codecs
import pipeline.encode.tasks
from tests.support.image_files import EXIF, ICC, file_of, make_unreadable, picture, waves
from tests.support.plain_codec import load_plain
from tests.support.repair_steps import compress


@pytest.fixture(autouse=True, scope="package")
def _plain_codec() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (pipeline.decode.resident_codecs, pipeline.compress.run_codec, pipeline.encode.tasks):
            patch.setattr(module, "load_codec", load_plain)
        yield


@pytest.fixture(scope="package")
def made(_plain_codec: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`source/` and `archive/`: three units of coded images, one with metadata, a kept one, and one that failed."""
    folder = tmp_path_factory.mktemp("repair")
    source = folder / "source"
    source.mkdir()
    for number in (0, 1, 2, 4, 5):
        (source / f"{number}.png").write_bytes(waves(number))
    (source / "3.jpg").write_bytes(file_of(picture(), "JPEG", exif=EXIF, icc_profile=ICC, quality=97))
    deep = PIL.Image.fromarray(np.arange(200, dtype=np.uint16).reshape(10, 20))
    (source / "deep.png").write_bytes(file_of(deep))
    make_unreadable(source / "none.png")
    compress(source, folder / "archive", quality=40)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to damage; the rows still name the first `source/`, which no test may touch."""
    shutil.copytree(made / "archive", tmp_path / "archive")
    return tmp_path


@pytest.fixture
def archive(folder: Path) -> Path:
    return folder / "archive"


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """`source/` and `archive/` both to damage."""
    shutil.copytree(made / "source", tmp_path / "own/source", symlinks=True)
    compress(tmp_path / "own/source", tmp_path / "own/archive", quality=40)
    return tmp_path / "own"


@pytest.fixture(scope="package")
def made_long(_plain_codec: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with a checkpoint: an image more at each of 13 runs."""
    folder = tmp_path_factory.mktemp("long")
    source, archive = folder / "source", folder / "archive"
    source.mkdir()
    for number in range(13):
        (source / f"{number % 6}.png").write_bytes(waves(number, 32, 24))
        compress(source, archive, quality=40)
    assert (archive / "catalogue/_delta_log/_last_checkpoint").exists()
    return archive


@pytest.fixture
def long(made_long: Path, tmp_path: Path) -> Path:
    """A copy of it to damage, beside one of its source, `long-source`."""
    shutil.copytree(made_long.parent / "source", tmp_path / "long-source", symlinks=True)
    return Path(shutil.copytree(made_long, tmp_path / "long"))
