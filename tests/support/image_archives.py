"""Archives of small images, and what damages them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from codec.contract import EncodeOptions
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.shards import build_shard, publish
from pipeline.image.read import read_image, to_rgb
from pipeline.store.storage import Storage
from pipeline.types import Image, ShardRow
from tests.support.plain_codec import PlainCodec
from tests.support.shard_rows import make_row


def coded(key: str, data: bytes, codec: str = "plain-1", **changes: Any) -> ShardRow:
    image = read_image(data)
    assert isinstance(image, Image)
    (encoded,) = PlainCodec(codec).encode([to_rgb(image)], EncodeOptions(quality=63))
    facts = {
        name: getattr(image, name) for name in ("width", "height", "mode", "source_format", "orientation")
    }
    extras = {name: getattr(image, name) for name in ("exif", "icc", "xmp", "alpha")}
    shape, crc = encoded.latent_shape, encoded.symbols_crc32
    rest = {"codec": codec, "latent_shape": shape, "symbols_crc32": crc, **changes}
    return make_row(key, encoded.payload, **{**facts, **extras, **rest})


def kept(key: str, data: bytes, reason: str = "16-bit samples", fmt: str | None = "PNG") -> ShardRow:
    absent = dict.fromkeys(("codec", "quality", "symbols_crc32"))
    return make_row(key, data, status="kept", reason=reason, source_format=fmt, **absent)


def fill(url: str, rows: Sequence[ShardRow], number: int = 0) -> str:
    """Make an archive of these rows, or add them, and return its URL."""
    storage = Storage(url)
    catalogue = Catalogue(storage)
    catalogue.create()
    shard = build_shard(rows, metadata={})
    catalogue.commit(shard.named(publish(storage, shard, "run-1", number)), run="run-1")
    return url


def flip(path: Path, at: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
