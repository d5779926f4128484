"""Training images from everywhere: folders, globs, lists, tar packs and Parquet, on disk and in a store."""

from __future__ import annotations

import io
import tarfile
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from codec.errors import TrainingError
from codec.training.config import TrainConfig
from pipeline.errors import SourceError, StorageError
from pipeline.store.storage import Storage
from pipeline.training.images import read_training_images
from tests.support.photographs import picture


def config(**data: Any) -> TrainConfig:
    return TrainConfig.model_validate(
        {"family": "any", "preset": "any", "steps": 1, "patch": 64, "data": {"crop": 128} | data}
    )


def png(height: int = 80, width: int = 90) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(height, width)).save(buffer, "PNG")
    return buffer.getvalue()


def tar(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as pack:
        for name in names:
            member = tarfile.TarInfo(name)
            data = png() if name.endswith("png") else b"text"
            member.size = len(data)
            pack.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def parquet(columns: dict[str, Any], rows: int = 2) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=rows)
    return buffer.getvalue()


def hugging_face(count: int) -> pa.Array:
    rows = [{"bytes": png(), "path": f"{i}.png"} for i in range(count)]
    return pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


@pytest.fixture(params=["disk", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "data") if request.param == "disk" else f"memory://{uuid.uuid4().hex}/data"


def read(data: str, **settings: Any) -> list[str]:
    return sorted(read_training_images(data, config(**settings)).names)


def test_a_folder_gives_images_packs_and_tables(root: str) -> None:
    storage = Storage(root)
    storage.write("deep/a.png", png())
    storage.write("deep/small.png", png(20, 30))
    storage.write("deep/broken.jpg", b"no image")
    storage.write("notes.md", b"no image either")
    storage.write("packs/one.tar", tar("x/b.png", "x/readme.txt", "c.png"))
    storage.write("tables/t.parquet", parquet({"image": hugging_face(3), "label": [1, 2, 3]}))
    said: list[str] = []
    crops = read_training_images(root, config(), say=said.append)
    expected = ["c.png", "deep/a.png", "x/b.png", *(f"tables/t.parquet/{n}" for n in ("0.0", "0.1", "1.0"))]
    assert sorted(crops.names) == sorted(expected)
    assert all(pixels.shape == (80, 90, 3) for pixels in crops.pixels)
    assert "6 crops of 6 images" in said[0]
    assert "1 unreadable (first: deep/broken.jpg)" in said[0]
    assert "1 smaller than 64 pixels (first: deep/small.png)" in said[0]


def test_packs_and_tables_alone_or_through_a_glob(root: str) -> None:
    storage = Storage(root)
    storage.write("one.tar", tar("a.png", "b.png"))
    storage.write("two.tar", tar("c.png"))
    storage.write("t.parquet", parquet({"jpg": [png(), png()]}))
    storage.write("d.png", png())
    assert read(f"{root}/one.tar") == ["a.png", "b.png"]
    assert read(f"{root}/*.tar") == ["a.png", "b.png", "c.png"]
    assert [name.split("/")[-1] for name in read(f"{root}/t.parquet")] == ["0.0", "0.1"]
    assert len(read(f"{root}/*.parquet")) == 2
    assert read(f"{root}/d.png") == ["d.png"]


def test_lists_and_manifests_name_images_and_packs(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "one.tar").write_bytes(tar("b.png"))
    (tmp_path / "list.txt").write_text("a.png\none.tar\n")
    pq.write_table(pa.table({"url": [str(tmp_path / "a.png")], "key": ["k.png"]}), tmp_path / "m.parquet")
    assert read(f"{tmp_path}/list.txt") == ["a.png", "b.png"]
    assert read(f"{tmp_path}/m.parquet") == ["k.png"]


def test_a_table_with_two_image_columns_needs_one_named(tmp_path: Path) -> None:
    table = parquet({"image": hugging_face(1), "mask": [png()], "label": ["x"]})
    (tmp_path / "t.parquet").write_bytes(table)
    with pytest.raises(SourceError, match=r"got image, mask; name it in `data\.column`"):
        read(f"{tmp_path}/t.parquet")
    assert len(read(f"{tmp_path}/t.parquet", column="mask")) == 1
    with pytest.raises(SourceError, match=r"column 'label' of images .* got image, mask"):
        read(f"{tmp_path}/t.parquet", column="label")


def test_rows_without_bytes_are_counted(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(parquet({"image": [png(), None, b"junk"]}))
    said: list[str] = []
    read_training_images(str(tmp_path), config(), say=said.append)
    assert "1 without bytes (first: t.parquet/0.1)" in said[0]
    assert "1 unreadable (first: t.parquet/1.0)" in said[0]


def test_a_sample_of_many_is_read_and_said(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"image{number}.png").write_bytes(png())
    said: list[str] = []
    crops = read_training_images(str(tmp_path), config(max_images=5), say=said.append)
    again = read_training_images(str(tmp_path), config(max_images=5))
    assert len(crops) == 5
    assert crops.names == again.names
    assert "20 objects listed; a random sample of 5 is read" in said[0]


def test_grey_and_large_images_serve_and_others_are_counted(tmp_path: Path) -> None:
    Image.fromarray(picture(300, 200)[:, :, 0]).save(tmp_path / "grey.png")
    Image.new("CMYK", (80, 80)).save(tmp_path / "print.jpg")
    said: list[str] = []
    crops = read_training_images(str(tmp_path), config(crops_per_image=2), say=said.append)
    assert crops.names == ("grey-0.png", "grey-1.png")
    assert {pixels.shape for pixels in crops.pixels} == {(128, 128, 3)}
    assert "1 of a kind not modelled, CMYK colour" in said[0]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("none", StorageError, "Expected a folder, got nothing there"),
        ("none.parquet", SourceError, "Expected a Parquet file at .* no file"),
        ("text.parquet", SourceError, "Expected a Parquet file"),
        ("small", TrainingError, "at least 64 x 64 pixels .* got 1 smaller than 64 pixels"),
    ],
)
def test_data_that_cannot_serve_is_refused(
    name: str, kind: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / "text.parquet").write_bytes(b"text")
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "s.png").write_bytes(png(30, 30))
    with pytest.raises(kind, match=message):
        read(str(tmp_path / name))
