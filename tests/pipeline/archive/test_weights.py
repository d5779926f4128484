"""Weights that travel with an archive: stored once, read when a payload needs them, never trusted blindly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pipeline.decode.resident_codecs
from codec.contract import EncodeOptions
from codec.errors import UnknownWeightsError
from codec.weights_file import digest_of
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import weights_path
from pipeline.archive.shards import build_shard, publish
from pipeline.archive.weights import read_given_weights, read_stored_weights, store_weights
from pipeline.decode.archive import Archive
from pipeline.errors import ArchiveError, ConfigError, DamagedError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage
from tests.support.plain_codec import SHIPPED, PlainCodec, load_plain
from tests.support.shard_rows import make_row

TUNED = b"weights that a user trained"
OLD = b"weights of an older release"
PIXELS = np.random.default_rng(1).integers(0, 256, (9, 7, 3), dtype=np.uint8)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "archive"))


@pytest.fixture(autouse=True)
def _plain_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the weights files read through `Storage`."""
    seen: list[str] = []
    read = Storage.read

    def counted(storage: Storage, path: str) -> bytes:
        if path.startswith("codec/"):
            seen.append(path)
        return read(storage, path)

    monkeypatch.setattr(Storage, "read", counted)
    return seen


def archive_of(storage: Storage, **images: bytes) -> Archive:
    """An archive with one image for each key, encoded with those weights; the weights are stored too."""
    rows = []
    for key, weights in images.items():
        codec = PlainCodec("plain-1", encode_with=weights)
        (encoded,) = codec.encode([PIXELS], EncodeOptions(quality=63))
        facts = {"width": 7, "height": 9, "codec": "plain-1", "latent_shape": encoded.latent_shape}
        rows.append(make_row(key, encoded.payload, symbols_crc32=encoded.symbols_crc32, **facts))
        store_weights(storage, codec.weights)
    catalogue = Catalogue(storage)
    catalogue.create()
    shard = build_shard(rows, metadata={})
    catalogue.commit(shard.named(publish(storage, shard, "run-1", 0)), run="run-1")
    return Archive(storage.url)


def test_weights_are_stored_under_their_digest_and_once(storage: Storage) -> None:
    codec = PlainCodec(encode_with=TUNED)
    store_weights(storage, codec.weights)
    path = weights_path(digest_of(TUNED))
    before = storage.info(path)
    store_weights(storage, codec.weights)
    assert storage.info(path) == before
    assert [info.path for info in storage.list("codec")] == [path]
    assert read_stored_weights(storage, digest_of(TUNED)) == TUNED


def test_a_file_cut_short_is_made_whole(storage: Storage) -> None:
    path = weights_path(digest_of(TUNED))
    storage.write(path, TUNED[:5])
    store_weights(storage, PlainCodec(encode_with=TUNED).weights)
    assert storage.read(path) == TUNED


def test_shipped_weights_are_not_read(storage: Storage, reads: list[str]) -> None:
    archive = archive_of(storage, a=SHIPPED)
    assert np.array_equal(archive.image("a").pixels, PIXELS)
    assert reads == []


def test_other_weights_are_read_once_and_only_those_needed(storage: Storage, reads: list[str]) -> None:
    archive = archive_of(storage, a=TUNED, b=SHIPPED, c=OLD, d=TUNED, e=b"never asked for")
    for key in "abcda":
        assert np.array_equal(archive.image(key).pixels, PIXELS)
    assert archive.latents("c").shape == (3, 9, 7)
    assert reads == [weights_path(digest_of(TUNED)), weights_path(digest_of(OLD))]


def test_lost_weights_are_named(storage: Storage) -> None:
    archive = archive_of(storage, a=TUNED, b=SHIPPED)
    storage.delete(weights_path(digest_of(TUNED)))
    with pytest.raises(ArchiveError, match=f"Expected the weights file codec/{digest_of(TUNED).hex()}"):
        archive.get("a")
    assert np.array_equal(archive.image("b").pixels, PIXELS)


def test_damaged_weights_are_an_error_only_where_they_are_needed(storage: Storage) -> None:
    archive = archive_of(storage, a=TUNED, b=SHIPPED)
    storage.write(weights_path(digest_of(TUNED)), TUNED[:-1] + b"?")
    assert np.array_equal(archive.image("b").pixels, PIXELS)
    with pytest.raises(DamagedError, match=f"Expected weights with digest {digest_of(TUNED).hex()}"):
        archive.get("a")


def test_weights_that_this_release_does_not_understand_are_no_endless_loop(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = archive_of(storage, a=TUNED)
    monkeypatch.setattr(
        pipeline.decode.resident_codecs, "load_codec", lambda codec_id, **_: PlainCodec(codec_id)
    )
    with pytest.raises(UnknownWeightsError, match=digest_of(TUNED).hex()):
        archive.get("a")


def test_given_weights_come_from_a_path_or_url(tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes(TUNED)
    path = tmp_path / "mine.safetensors"
    assert read_given_weights(str(path), StorageOptions()) == TUNED
    assert read_given_weights(path.as_uri(), StorageOptions()) == TUNED
    with pytest.raises(ConfigError, match=r"Expected a weights file at .*lost, got nothing there"):
        read_given_weights(str(tmp_path / "lost"), StorageOptions())
