"""`ArchiveDataset`: items of every kind of image, in few requests, in workers however they start."""

from __future__ import annotations

import io
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from torch.utils.data import DataLoader

from pipeline.archive.catalogue import Catalogue
from pipeline.datasets.archive_dataset import ArchiveDataset
from pipeline.datasets.image_source import Item
from pipeline.errors import ArchiveError, ConfigError, DamagedError, UnknownKeyError
from pipeline.store.storage import Storage
from tests.support.image_archives import coded, fill, flip, kept
from tests.support.image_files import file_of, picture
from tests.support.shard_rows import kept_row, make_row

KEYS = ["deep.png", "grey.png", "kept.jpg", "rgb.png"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with an image of each kind, in two shards."""
    folder = tmp_path_factory.mktemp("made")
    deep = PIL.Image.fromarray(np.linspace(0, 65535, 24 * 40).reshape(24, 40).astype(np.uint16))
    fill(str(folder), [coded("grey.png", file_of(picture("L", seed=1))), kept("deep.png", file_of(deep))])
    jpeg = file_of(picture(seed=3), "JPEG")
    rows = [coded("rgb.png", file_of(picture(seed=2))), kept("kept.jpg", jpeg, fmt="JPEG")]
    fill(str(folder), rows, number=1)
    return folder


@pytest.fixture
def url(made: Path, tmp_path: Path) -> str:
    """A copy of it."""
    return str(shutil.copytree(made, tmp_path / "archive"))


def pixels_of(item: Item) -> np.ndarray:
    pixels: np.ndarray = item["image"].permute(1, 2, 0).numpy()
    return pixels


class TestItems:
    def test_every_kind_of_image_is_an_item(self, url: str) -> None:
        dataset = ArchiveDataset(url, columns=["status", "source_format"])
        items = {item["key"]: item for item in (dataset[number] for number in range(len(dataset)))}
        assert list(items) == KEYS
        assert all(item["image"].shape == (3, 24, 40) for item in items.values())
        assert all(item["image"].dtype == torch.uint8 for item in items.values())
        assert np.array_equal(pixels_of(items["rgb.png"]), np.asarray(picture(seed=2)))
        assert np.array_equal(pixels_of(items["grey.png"])[..., 1], np.asarray(picture("L", seed=1)))
        jpeg = PIL.Image.open(io.BytesIO(file_of(picture(seed=3), "JPEG")))
        assert np.array_equal(pixels_of(items["kept.jpg"]), np.asarray(jpeg))
        assert (items["kept.jpg"]["status"], items["kept.jpg"]["source_format"]) == ("kept", "JPEG")

    def test_a_size_and_a_region(self, url: str) -> None:
        small = ArchiveDataset(url, size=20)
        assert {tuple(item["image"].shape) for item in small.__getitems__([0, 1, 2, 3])} == {(3, 12, 20)}
        (part,) = ArchiveDataset(url, keys=["rgb.png"], region=(3, 5, 10, 8)).__getitems__([0])
        assert np.array_equal(pixels_of(part), np.asarray(picture(seed=2))[5:13, 3:13])

    def test_keys_come_in_their_order_and_as_often_as_named(self, url: str) -> None:
        dataset = ArchiveDataset(url, keys=["rgb.png", "deep.png", "rgb.png"])
        assert [dataset[number]["key"] for number in range(3)] == ["rgb.png", "deep.png", "rgb.png"]
        assert dataset[-2]["key"] == "deep.png"
        assert dataset.table.to_pydict() == {"key": ["rgb.png", "deep.png", "rgb.png"]}

    def test_a_transform_makes_what_is_given(self, url: str) -> None:
        dataset = ArchiveDataset(
            url, where="status = 'coded'", transform=lambda item: (item["image"].float().mean(), item["key"])
        )
        means, keys = next(iter(DataLoader(dataset, batch_size=2)))
        assert means.shape == (2,)
        assert keys == ("grey.png", "rgb.png")

    def test_a_version_stays_as_it_was(self, url: str) -> None:
        version = ArchiveDataset(url).version
        fill(url, [coded("new.png", file_of(picture()))], number=2)
        assert len(ArchiveDataset(url, as_of=version)) == 4
        assert len(ArchiveDataset(url)) == 5


class TestLatents:
    def test_all_or_the_first_channels(self, url: str) -> None:
        (item,) = ArchiveDataset(url, keys=["rgb.png"], latents=True).__getitems__([0])
        whole = np.asarray(picture(seed=2)).transpose(2, 0, 1)
        assert item["latents"].dtype == torch.float32
        assert np.array_equal(item["latents"], whole)
        (first,) = ArchiveDataset(url, keys=["rgb.png"], latents=1).__getitems__([0])
        assert np.array_equal(first["latents"], whole[:1])

    def test_images_without_latents_are_named_or_left_out(self, url: str) -> None:
        with pytest.raises(
            ArchiveError, match=r"Expected latents .* got 2 .*'deep.png' \(kept: 16-bit samples\)"
        ):
            ArchiveDataset(url, latents=True)
        dataset = ArchiveDataset(url, latents=True, on_error="skip")
        assert dataset.table["key"].to_pylist() == ["grey.png", "rgb.png"]
        assert dataset.left_out["key"].to_pylist() == ["deep.png", "kept.jpg"]

    def test_latents_of_two_models_are_refused(self, url: str) -> None:
        fill(url, [coded(f"{name}", file_of(picture()), weights=name * 8) for name in "ab"], number=2)
        with pytest.raises(
            ConfigError, match=r"Choose one .* weights = 'aaaaaaaa'; or .* weights = 'bbbbbbbb'"
        ):
            ArchiveDataset(url, where="status = 'coded'", latents=True)

    @pytest.mark.parametrize("options", [{"size": 8}, {"region": (0, 0, 1, 1)}], ids=["size", "region"])
    def test_latents_have_no_size(self, url: str, options: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match="Expected `latents` of whole images"):
            ArchiveDataset(url, latents=True, **options)


class TestTrouble:
    def test_what_has_no_picture_is_named_or_left_out(self, url: str) -> None:
        rows = [make_row("bad.jpg", None, reason="truncated"), kept_row("notes.txt", source_format=None)]
        fill(url, rows, number=2)
        with pytest.raises(ArchiveError, match=r"got 2 .* without, such as 'bad.jpg' \(failed: truncated\)"):
            ArchiveDataset(url)
        dataset = ArchiveDataset(url, on_error="skip")
        assert dataset.table["key"].to_pylist() == KEYS
        assert dataset.left_out["key"].to_pylist() == ["bad.jpg", "notes.txt"]

    def test_a_damaged_image_is_named_or_skipped(self, url: str, caplog: pytest.LogCaptureFixture) -> None:
        (row,) = Catalogue(Storage(url)).lookup(["rgb.png"])
        flip(Path(url) / row.shard, (row.payload_offset or 0) + 50)
        with pytest.raises(DamagedError, match=r"'rgb\.png'"):
            ArchiveDataset(url).__getitems__([0, 3])
        dataset = ArchiveDataset(url, on_error="skip")
        assert [item["key"] for item in dataset.__getitems__([0, 3, 1])] == ["deep.png", "grey.png"]
        assert "'rgb.png' is left out" in caplog.text
        with pytest.raises(ArchiveError, match=r"'rgb\.png', which is asked for alone"):
            dataset[3]

    def test_what_decodes_to_something_else_costs_no_other(self, url: str) -> None:
        fill(url, [coded("wrong.png", file_of(picture()), symbols_crc32=5)], number=2)
        dataset = ArchiveDataset(url, on_error="skip")
        assert [item["key"] for item in dataset.__getitems__(range(5))] == KEYS

    def test_unknown_keys(self, url: str) -> None:
        with pytest.raises(UnknownKeyError, match="got 1 it does not hold, such as 'none'"):
            ArchiveDataset(url, keys=["rgb.png", "none"])

    def test_options_that_cannot_be(self, url: str) -> None:
        for nothing in (
            {"size": 0},
            {"region": (0, 0, 0, 9)},
            {"region": (-1, 0, 9, 9)},
            {"on_error": "ignore"},
        ):
            with pytest.raises(
                ConfigError, match=r"Expected (a size of 1|a region of 1|on_error of raise or skip)"
            ):
                ArchiveDataset(url, **nothing)
        with pytest.raises(ConfigError, match="Expected `keys` or `where`"):
            ArchiveDataset(url, keys=[], where="width > 3")
        with pytest.raises(ConfigError, match="Expected columns of the catalogue, got psnr; there are key, "):
            ArchiveDataset(url, columns=["psnr"])
        with pytest.raises(IndexError, match="Expected a number below 4"):
            ArchiveDataset(url)[4]


class TestReading:
    def test_a_batch_comes_in_one_request_a_shard(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        dataset = ArchiveDataset(url)
        shards: list[str] = []
        read_range = Storage.read_range

        def counted(storage: Storage, path: str, offset: int, length: int) -> bytes:
            shards.append(path)
            return read_range(storage, path, offset, length)

        monkeypatch.setattr(Storage, "read_range", counted)
        assert [item["key"] for item in dataset.__getitems__([3, 0, 2, 1])] == [KEYS[n] for n in (3, 0, 2, 1)]
        assert len(shards) == len(set(shards)) == 2

    def test_workers_read_and_this_process_decodes(self, url: str) -> None:
        dataset = ArchiveDataset(url, decode=False, columns=["status"])
        for batch in DataLoader(dataset, batch_size=4, collate_fn=list):
            stored = pickle.loads(pickle.dumps(batch))
            assert [item.key for item in stored] == KEYS
            items = dataset.decode_batch(stored, device="cpu")
            expected = ArchiveDataset(url, columns=["status"]).__getitems__(range(4))
            assert all(
                torch.equal(one.pop("image"), other.pop("image")) and one == other
                for one, other in zip(items, expected, strict=True)
            )

    @pytest.mark.parametrize("start", ["fork", "spawn"])
    def test_workers_however_they_start(self, url: str, start: str) -> None:
        """Kept images, as a process that is spawned has the codecs of a release alone. A fork server is spawned, and
        forks."""
        dataset = ArchiveDataset(url, where="status = 'kept'")
        before = [item["image"] for item in dataset.__getitems__([0, 1])]
        loader = DataLoader(dataset, batch_size=2, num_workers=1, multiprocessing_context=start)
        (batch,) = loader
        assert torch.equal(batch["image"], torch.stack(before))
