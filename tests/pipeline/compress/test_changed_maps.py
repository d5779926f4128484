"""An image whose importance map came, went or was edited is encoded anew, and no other."""

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
from pipeline.encode.map_files import MapFiles
from pipeline.source.parse import parse_source
from pipeline.source.source import Source
from pipeline.store.storage import Storage
from pipeline.types import SourceImage
from tests.support.block_codec import FAMILY, BlockModel
from tests.support.photographs import picture

TWIN = "a-edited.bmp"
"""Follows the map of the image without the ending, where that is by stem."""
NAMES = ("a-edited", "a", "same", "came", "came-not", "went", "broken")


class Night:
    """A source, its maps, and a run over them that says which images it read."""

    def __init__(self, folder: Path, template: str) -> None:
        self.folder, self.template = folder, template
        self.config = CompressConfig(
            codec=CodecConfig(importance=f"{folder}/{template}", quality=30, min_psnr_db=None),
            workers=WorkersConfig(count=0),
        )
        self.archive = Storage(folder / "archive")

    def map_of(self, name: str) -> Path:
        return self.folder / self.template.format(key=f"sub/{name}.png", stem=f"sub/{name}")

    def draw(self, name: str, grey: int) -> None:
        path = self.map_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), grey, np.uint8)).save(path)

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
        self.unlisted = summary.listing.maps_unlisted
        return encoded


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs of the maps' folders that were listed; the codec of runs is a small one."""
    made: list[str] = []
    listed = MapFiles.listed

    def counting(self: MapFiles) -> Iterator[object]:
        made.append(self.url)
        return listed(self)

    def load(*_: object, **__: object) -> Codec:
        held = PayloadFormat(
            holds_maps=True
        )  # greys of 128 or 129 change no quality: payloads need not hold them
        return TiledCodec(FAMILY, BlockModel(), default_quality=40, payload_format=held)

    monkeypatch.setattr(MapFiles, "listed", counting)
    monkeypatch.setattr("pipeline.compress.run_codec.load_codec", load)
    monkeypatch.setattr(ordering, "_BATCH", 1)  # every image is a piece of its own
    return made


@pytest.mark.parametrize("template", ["maps/{key}.png", "maps/{stem}.png"])
def test_a_map_that_came_went_or_was_edited_is_seen_once(
    tmp_path: Path, listings: list[str], template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(tmp_path, template)
    (tmp_path / "source" / "sub").mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        Image.fromarray(picture(40, 40, seed=seed)).save(tmp_path / "source" / "sub" / f"{name}.png")
    Image.fromarray(picture(40, 40, seed=9)).save(tmp_path / "source" / "sub" / TWIN)
    twin = {TWIN} if "stem" in template else set()
    for name in ("a-edited", "a", "same", "went", "broken"):
        night.draw(name, 128)
    night.map_of("broken").write_bytes(b"no picture")
    night.map_of("came-not").symlink_to("nothing")
    assert night.planned() == {"new"}
    assert night.encoded() == {*NAMES, TWIN}
    assert listings == [], "no image of the archive follows a map"
    assert night.encoded() == set()
    assert listings == [str(tmp_path / "maps")]

    night.draw("a-edited", 129)
    night.draw("came", 129)
    night.draw("broken", 129)
    night.map_of("went").unlink()
    assert night.planned() == {f"{4 + len(twin)} remapped"}
    read: list[str] = []
    monkeypatch.setattr(Source, "read", _noting(read))
    assert night.encoded() == {"a-edited", "came", "broken", "went"} | twin
    assert len(read) == 4 + len(twin)
    del listings[:]
    assert night.encoded() == set()
    assert len(listings) == 1

    (tmp_path / "maps").rename(tmp_path / "not-mounted")
    assert night.encoded() == set()
    assert "got no file at all" in str(night.unlisted)


def _noting(read: list[str]) -> object:
    plainly = Source.read

    def noting(self: Source, image: SourceImage) -> bytes:
        read.append(image.key)
        return plainly(self, image)

    return noting
