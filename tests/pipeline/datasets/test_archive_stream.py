"""`ArchiveStream`: every image once, and a break at any batch costs none, whatever the loader before and after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from pipeline.datasets.archive_dataset import ArchiveDataset
from pipeline.datasets.archive_stream import ArchiveStream
from pipeline.errors import ArchiveError, ConfigError
from tests.support.image_archives import fill, kept
from tests.support.image_files import file_of, picture

IMAGES = 23
ALL = [f"{number:02d}.png" for number in range(IMAGES)]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An archive of three shards."""
    folder = str(tmp_path_factory.mktemp("archive"))
    rows = [kept(key, file_of(picture("L", size=(3, 2), seed=seed))) for seed, key in enumerate(ALL)]
    for number in range(3):
        fill(folder, rows[number::3], number=number)
    return folder


def stream_of(url: str | ArchiveDataset, **options: Any) -> ArchiveStream:
    return ArchiveStream(url, **{"batch_size": 4, "seed": 1, "shuffle_buffer": 10, **options})


def keys_of(batches: Any) -> list[str]:
    return [key for batch in batches for key in batch["key"]]


def test_batches_hold_every_image_once_an_epoch(url: str) -> None:
    stream = stream_of(url)
    assert len(stream) == len(DataLoader(stream, batch_size=None)) == 6
    batches = list(stream)
    assert [tuple(batch["image"].shape) for batch in batches] == [(4, 3, 2, 3)] * 5 + [(3, 3, 2, 3)]
    assert sorted(keys_of(batches)) == ALL
    stream.set_epoch(1)
    assert sorted(keys_of(stream)) == ALL
    assert keys_of(stream) != keys_of(batches)
    assert keys_of(stream_of(url, epoch=1)) == keys_of(stream)


def test_ranks_share_the_images(url: str) -> None:
    streams = [stream_of(url, rank=rank, world_size=3, drop_last=True) for rank in range(3)]
    batches = [list(stream) for stream in streams]
    assert [len(of_rank) for of_rank in batches] == [len(stream) for stream in streams] == [1, 1, 1]
    shared = [keys_of(stream_of(url, rank=rank, world_size=3)) for rank in range(3)]
    assert [len(of_rank) for of_rank in shared] == [4 + 3, 4 + 4, 4 + 4]
    assert sorted(key for of_rank in shared for key in of_rank) == ALL


def test_a_break_under_two_workers_is_gone_on_with_by_none(url: str) -> None:
    unbroken = keys_of(stream_of(url))
    stream = stream_of(url)
    batches = iter(DataLoader(stream, batch_size=None, num_workers=2, multiprocessing_context="fork"))
    before = keys_of(next(batches) for _ in range(3))
    del batches
    with pytest.raises(ConfigError, match=r"Expected state_dict\(batches=N\)"):
        stream.state_dict()
    state = json.loads(json.dumps(stream.state_dict(batches=3)))
    after = stream_of(url, batch_size=7)
    after.load_state_dict(state)
    after.set_epoch(0)
    assert before + keys_of(after) == unbroken


def test_without_workers_the_stream_counts_itself(url: str) -> None:
    unbroken = keys_of(stream_of(url))
    stream = stream_of(url)
    before = []
    for batch in DataLoader(stream, batch_size=None):
        before += batch["key"]
        if len(before) == 8:
            break
    assert stream.state_dict() == stream.state_dict(batches=2)
    after = stream_of(url)
    after.load_state_dict(stream.state_dict())
    assert len(after) == 4
    (first, *rest) = after
    once_more = stream_of(url)
    once_more.load_state_dict(after.state_dict(batches=1))
    assert before + first["key"] + keys_of(once_more) == before + first["key"] + keys_of(rest) == unbroken


class TestStates:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"seed": 2}, "a stream with seed 2, got one with 1"),
            ({"shuffle_buffer": 11}, "a stream with shuffle_buffer 11, got one with 10"),
            ({"keys": ALL[:-1]}, "a stream with images .* open the archive as_of=3"),
        ],
        ids=["seed", "shuffle", "images"],
    )
    def test_of_another_order_are_refused(self, url: str, change: dict[str, Any], message: str) -> None:
        state = stream_of(url).state_dict(batches=1)
        dataset = ArchiveDataset(url, keys=change.pop("keys", None))
        with pytest.raises(ConfigError, match=message):
            stream_of(dataset, **change).load_state_dict(state)

    def test_what_is_none_is_refused(self, url: str) -> None:
        with pytest.raises(ConfigError, match="got a state without seed, "):
            stream_of(url).load_state_dict({"epoch": 1})
        with pytest.raises(ConfigError, match="N of at least 0, got -1"):
            stream_of(url).state_dict(batches=-1)
        with pytest.raises(ConfigError, match="an epoch of at least 0, got -1"):
            stream_of(url).set_epoch(-1)

    def test_of_a_worker_are_for_as_many_workers(self, url: str) -> None:
        state = stream_of(url).state_dict(batches=1) | {"given": 2, "workers": 3}
        with pytest.raises(ConfigError, match="whose loader has 1 workers, got one of 3"):
            stream_of(url).load_state_dict(state)


def test_what_is_only_read_is_decoded_here(url: str) -> None:
    dataset = ArchiveDataset(url, decode=False)
    batch = next(iter(DataLoader(stream_of(dataset), batch_size=None)))
    images = [item["image"] for item in dataset.decode_batch(batch)]
    assert torch.equal(torch.stack(images), next(iter(stream_of(url)))["image"])


def test_a_batch_of_which_nothing_is_left_ends_the_epoch(url: str, tmp_path: Path) -> None:
    broken = fill(str(tmp_path), [kept("a.png", b"no picture")])
    stream = stream_of(ArchiveDataset(broken, on_error="skip"))
    with pytest.raises(ArchiveError, match="got none of them; see the log"):
        next(iter(stream))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "at least 1 image a batch"),
        ({"seed": -1}, "of at least 0, got .* seed=-1"),
        ({"rank": 2, "world_size": 2}, "Expected a rank from 0 to 1"),
    ],
    ids=["batch", "seed", "rank"],
)
def test_numbers_that_cannot_be(url: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        stream_of(url, **options)
