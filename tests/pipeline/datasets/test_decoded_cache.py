"""The cache of decoded images: never stale, never half, and never in the way."""

from __future__ import annotations

import os
import pickle
import shutil
from collections import namedtuple
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.datasets.archive_dataset import ArchiveDataset
from pipeline.datasets.batch_decoder import Array, BatchDecoder
from pipeline.errors import ArchiveError
from pipeline.types import ShardRow
from tests.support.image_archives import coded, fill, flip
from tests.support.image_files import file_of, picture

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of what is decoded from here on."""
    keys: list[str] = []
    decode = BatchDecoder.decode

    def noting_keys(self: BatchDecoder, rows: Sequence[ShardRow]) -> list[Array | ArchiveError]:
        keys.extend(row.key for row in rows)
        return decode(self, rows)

    monkeypatch.setattr(BatchDecoder, "decode", noting_keys)
    return keys


@pytest.fixture
def url(tmp_path: Path) -> str:
    return fill(str(tmp_path / "archive"), [coded(f"{n}", file_of(picture(seed=n))) for n in range(3)])


def files_in(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/*.array"))


def test_images_that_share_a_payload_are_not_taken_for_each_other(tmp_path: Path) -> None:
    data = file_of(picture())
    rows = [coded("colour", data), replace(coded("grey", data), mode="L", same_as_row=0)]
    dataset = ArchiveDataset(fill(str(tmp_path / "archive"), rows), cache=tmp_path / "cache")
    (colour, grey), again = dataset.__getitems__([0, 1]), dataset.__getitems__([0, 1])
    assert not torch.equal(colour["image"], grey["image"])
    assert all(
        torch.equal(one["image"], other["image"]) for one, other in zip((colour, grey), again, strict=True)
    )


def test_what_was_decoded_is_not_decoded_again(url: str, tmp_path: Path, decoded: list[str]) -> None:
    cache = tmp_path / "cache"
    dataset = ArchiveDataset(url, cache=cache)
    before = dataset.__getitems__([0, 1])
    again = pickle.loads(pickle.dumps(dataset)).__getitems__([1, 2, 0])
    assert decoded == ["0", "1", "2"]
    assert torch.equal(before[1]["image"], again[0]["image"])
    again[0]["image"][:] = 0  # who changes an item changes no other
    assert torch.equal(before[1]["image"], dataset[1]["image"])
    (stored, _) = ArchiveDataset(url, cache=cache, decode=False).__getitems__([0, 1])
    assert stored.stored is None
    assert torch.equal(dataset.decode_batch([stored])[0]["image"], before[0]["image"])
    assert decoded == ["0", "1", "2"]


def test_another_form_or_another_image_has_another_file(url: str, tmp_path: Path, decoded: list[str]) -> None:
    cache = tmp_path / "cache"
    assert ArchiveDataset(url, cache=cache)[0]["image"].shape == (3, 24, 40)
    assert ArchiveDataset(url, cache=cache, size=20)[0]["image"].shape == (3, 12, 20)
    assert ArchiveDataset(url, cache=cache, region=(0, 0, 4, 5))[0]["image"].shape == (3, 5, 4)
    assert ArchiveDataset(url, cache=cache, latents=True)[0]["latents"].shape == (3, 24, 40)
    fill(url, [coded("0", file_of(picture(size=(7, 6))), source_etag="other")], number=1)
    assert ArchiveDataset(url, cache=cache)[0]["image"].shape == (3, 6, 7)
    assert len(files_in(cache)) == len(decoded) == 5


@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied", "deleted"])
def test_a_file_that_is_not_whole_is_made_again(
    url: str, tmp_path: Path, decoded: list[str], harm: str
) -> None:
    dataset = ArchiveDataset(url, cache=tmp_path / "cache")
    before = dataset[0]["image"]
    (path,) = files_in(tmp_path / "cache")
    if harm == "flipped":
        flip(path, 300)
    elif harm == "deleted":
        path.unlink()
    else:
        os.truncate(path, 500 if harm == "cut" else 0)
    assert torch.equal(dataset[0]["image"], before)
    assert torch.equal(dataset[0]["image"], before)
    assert decoded == ["0", "0"]


def test_a_disk_that_takes_no_more_does_no_harm(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    dataset = ArchiveDataset(url, cache=cache)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100_000, 96_000, 4_000))
    assert [item["key"] for item in dataset.__getitems__([0, 1, 2])] == ["0", "1", "2"]
    assert not files_in(cache)
    assert caplog.text.count("no longer kept") == 1


def test_what_a_process_that_died_left_goes(url: str, tmp_path: Path) -> None:
    part = tmp_path / "cache" / "part"
    part.mkdir(parents=True)
    for name, age in (("old", 7200), ("new", 0)):
        (part / name).write_bytes(b"half")
        moment = part.stat().st_mtime - age
        os.utime(part / name, (moment, moment))
    ArchiveDataset(url, cache=tmp_path / "cache")
    assert [path.name for path in part.iterdir()] == ["new"]
