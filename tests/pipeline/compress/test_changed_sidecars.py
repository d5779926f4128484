"""An image whose importance map or text came, went or was edited is encoded anew, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.codec import Codec
from codec.parts.tiled_codec import TiledCodec
from codec.parts.tiled_model import PayloadFormat
from pipeline.archive.catalogue import Catalogue
from pipeline.compress import ordering
from pipeline.compress.run import CompressRun
from pipeline.config import CodecConfig, CompressConfig, WorkersConfig
from pipeline.encode.sidecar_files import SidecarFiles
from pipeline.errors import StorageError
from pipeline.source.parse import parse_source
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.types import SourceImage
from tests.support.block_codec import FAMILY, BlockModel
from tests.support.photographs import picture

TWIN = "a-edited.bmp"
"""Follows the sidecar of the image without the ending, where that is by stem."""
NAMES = ("a-edited", "a", "same", "came", "came-not", "went", "broken", "unread")


class Night:
    """A source, what lies beside its images, and a run over them that says which images it read."""

    def __init__(self, folder: Path, **templates: str) -> None:
        self.folder, self.templates = folder, templates
        asked = {column: f"{folder}/{template}" for column, template in templates.items()}
        self.config = CompressConfig(
            codec=CodecConfig.model_validate({"quality": 30, "min_psnr_db": None} | asked),
            workers=WorkersConfig(count=0),
        )
        self.archive = Storage(folder / "archive")

    def beside(self, name: str, column: str) -> Path:
        return self.folder / self.templates[column].format(key=f"sub/{name}.png", stem=f"sub/{name}")

    def write(self, name: str, column: str, number: int) -> None:
        path = self.beside(name, column)
        path.parent.mkdir(parents=True, exist_ok=True)
        if column == "words":
            path.write_text(f"{number} birds")
        else:
            Image.fromarray(np.full((4, 4 + number // 1000), min(number, 255), np.uint8)).save(path)

    def planned(self) -> set[str]:
        run = CompressRun(parse_source(str(self.folder / "source")), self.archive, self.config)
        plan = run.plan()
        assert plan.to_encode == plan.new + plan.remapped
        return {"new"} if plan.new.images else {f"{plan.remapped.images} remapped"}

    def encoded(self) -> set[str]:
        source = parse_source(str(self.folder / "source"))
        summary = CompressRun(source, self.archive, self.config).run().summary
        rows = Catalogue(self.archive).table(["key", "run"]).to_pylist()
        encoded = {Path(row["key"]).name.removesuffix(".png") for row in rows if row["run"] == summary.run}
        assert len(encoded) == summary.images
        self.notes = summary.listing
        return encoded


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs of the sidecars' folders that were listed; the codec of runs is a small one."""
    made: list[str] = []
    listed = SidecarFiles.listed

    def counting(self: SidecarFiles) -> Iterator[object]:
        made.append(self.url)
        return listed(self)

    def load(*_: object, **__: object) -> Codec:
        held = PayloadFormat(
            holds_maps=True
        )  # greys of 128 or 129 change no quality: payloads need not hold them
        codec = TiledCodec(FAMILY, BlockModel(), default_quality=40, payload_format=held)
        codec.takes_words = True
        return codec

    monkeypatch.setattr(SidecarFiles, "listed", counting)
    monkeypatch.setattr("pipeline.compress.run_codec.load_codec", load)
    monkeypatch.setattr(ordering, "_BATCH", 1)  # every image is a piece of its own
    return made


@pytest.mark.parametrize(
    ("column", "template"), [("importance", "beside/{key}.png"), ("words", "beside/{stem}.txt")]
)
def test_a_sidecar_that_came_went_or_was_edited_is_seen_once(
    tmp_path: Path, listings: list[str], column: str, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(tmp_path, **{column: template})
    (tmp_path / "source" / "sub").mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        Image.fromarray(picture(40, 40, seed=seed)).save(tmp_path / "source" / "sub" / f"{name}.png")
    Image.fromarray(picture(40, 40, seed=9)).save(tmp_path / "source" / "sub" / TWIN)
    twin = {TWIN} if "stem" in template else set()
    for name in ("a-edited", "a", "same", "went", "broken", "unread"):
        night.write(name, column, 128)
    night.beside("broken", column).write_bytes(b"neither picture nor \xff text")
    night.beside("came-not", column).symlink_to("nothing")
    assert night.planned() == {"new"}
    with monkeypatch.context() as patch:
        patch.setattr(SidecarFiles, "read", _refused("unread"))
        assert night.encoded() == {*NAMES, TWIN}
        assert listings == [], "no image of the archive follows one"
        assert night.encoded() == set()
        assert listings == [str(tmp_path / "beside")]
    assert night.encoded() == {"unread"}
    assert night.encoded() == set()

    night.write("a-edited", column, 1290)
    night.write("came", column, 129)
    night.write("broken", column, 129)
    night.beside("went", column).unlink()
    assert night.planned() == {f"{4 + len(twin)} remapped"}
    read: list[str] = []
    monkeypatch.setattr(Source, "read", _noting(read))
    assert night.encoded() == {"a-edited", "came", "broken", "went"} | twin
    assert len(read) == 4 + len(twin)
    del listings[:]
    assert night.encoded() == set()
    assert len(listings) == 1

    (tmp_path / "beside").rename(tmp_path / "not-mounted")
    assert night.encoded() == set()
    unlisted = {"importance": night.notes.maps_unlisted, "words": night.notes.texts_unlisted}
    assert "got no file at all" in str(unlisted.pop(column))
    assert set(unlisted.values()) == {None}


def test_maps_and_words_change_each_for_themselves(tmp_path: Path, listings: list[str]) -> None:
    night = Night(tmp_path, importance="maps/{key}.png", words="words/{key}.txt")
    (tmp_path / "source" / "sub").mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        Image.fromarray(picture(40, 40, seed=seed)).save(tmp_path / "source" / "sub" / f"{name}.png")
        night.write(name, "importance", 128)
        night.write(name, "words", 128)
    assert night.encoded() == set(NAMES)
    night.write("a", "importance", 129)
    night.write("came", "words", 1290)
    night.write("went", "importance", 129)
    night.beside("went", "words").unlink()
    assert night.encoded() == {"a", "came", "went"}
    assert night.encoded() == set()
    assert len(listings) == 4


def _refused(name: str) -> object:
    plainly = SidecarFiles.read

    def reading(self: SidecarFiles, path: str) -> bytes:
        if name in path:
            raise StorageError(f"Expected access, got 403 at {path}.")
        return plainly(self, path)

    return reading


def _noting(read: list[str]) -> object:
    plainly = Source.read

    def noting(self: Source, image: SourceImage) -> bytes:
        read.append(image.key)
        return plainly(self, image)

    return noting
