"""Training images from wherever a run could read: folders, globs, lists, tar packs and Parquet on any store.

What DATA means is what SRC means for `compress` (`pipeline/source/source.py`), and beside images tar packs and Parquet
files with a column of encoded images are opened: in a folder, through a glob, in a list, or alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from codec.training.config import TrainConfig
from codec.training.gather import gather
from codec.training.image_crops import Crops
from codec.training.image_files import ImageFile, ReadImage, decode_ahead, sample, take_turns
from codec.training.local_images import PACK_SUFFIXES, tar_images
from pipeline.errors import SourceError, StorageError, StoreDownError
from pipeline.image.read import read_image, to_rgb
from pipeline.source.image_names import is_image_name
from pipeline.source.keys import utf8_key
from pipeline.source.options import SourceOptions
from pipeline.source.parse import parse_source
from pipeline.source.source import Source
from pipeline.store.range_file import open_object
from pipeline.store.storage import Storage
from pipeline.store.urls import LOCAL, local_path, local_url, scheme
from pipeline.training.image_table import ImageTable
from pipeline.types import SourceImage, Unmodelled

_TABLE_SUFFIX: Final = ".parquet"
_THREADS: Final = 8
"""Reads and decodes at once: enough to hide the latency of a store, few enough for memory."""


def read_training_images(
    data: str, config: TrainConfig, *, say: Callable[[str], None] = lambda _: None
) -> Crops:
    """What a config allows of DATA, in memory; a random sample where that is not everything.

    `say` gets one line on what was read, skipped and left out.

    Raises:
        SourceError: nothing there is an image, or a Parquet file whose images cannot be told.
        StorageError: nothing is there, or the store does not answer.
        TrainingError: no image is at least one patch large.
    """
    source = parse_source(data, take=SourceOptions(tars=False))  # packs are read from front to back here
    entries, listed = sample(_entries(source), config.data.max_images, seed=config.seed)
    if listed > len(entries):
        say(f"{listed:,} objects listed; a random sample of {len(entries):,} is read (data.max_images)")
    loose = [entry for entry in entries if not _is_pack(entry.key)]
    packs = [entry for entry in entries if _is_pack(entry.key)]
    groups = [_loose(source, loose), *(_open_pack(source, pack, config) for pack in packs)]
    files = take_turns(groups)
    gathered = gather(decode_ahead(files, _decode, threads=_THREADS), config, where=data)
    say(str(gathered))
    return gathered.crops


def _entries(source: Source) -> Iterator[SourceImage]:
    """Images and packs of a source, streamed."""
    config = source.config
    if config.manifest is not None and _has_images_only(source, config.manifest):
        yield SourceImage(key=utf8_key(config.manifest), url=config.manifest)
    elif config.glob is not None or config.list_file is not None or config.manifest is not None:
        yield from source.images()
    else:
        yield from _folder(source)


def _folder(source: Source) -> Iterator[SourceImage]:
    storage = Storage(source.config.url, source.config.storage)
    is_local = scheme(storage.url) in LOCAL
    empty = True
    for info in storage.list():
        if not (is_image_name(info.path) or _is_pack(info.path)):
            continue
        empty = False
        whole = f"{local_path(storage.url).rstrip('/') if is_local else storage.url}/{info.path}"
        yield SourceImage(key=utf8_key(info.path), url=local_url(whole) if is_local else whole)
    if empty:
        yield from source.images()  # one object, or the reason why there is nothing


def _has_images_only(source: Source, url: str) -> bool:
    """Whether a Parquet file holds images itself: a manifest has a column `url`."""
    try:
        with open_object(url, source.config.storage) as file:
            return "url" not in ImageTable(file, url).columns
    except FileNotFoundError as error:
        raise SourceError(f"Expected a Parquet file at {url}, got no file there; check the path.") from error


def _is_pack(name: str) -> bool:
    return name.lower().endswith((*PACK_SUFFIXES, _TABLE_SUFFIX))


def _loose(source: Source, images: list[SourceImage]) -> Iterator[ImageFile | ReadImage]:
    for image in images:
        yield ImageFile(name=image.key, read=partial(source.read, image))


def _open_pack(source: Source, pack: SourceImage, config: TrainConfig) -> Iterator[ImageFile | ReadImage]:
    with open_object(pack.url, source.config.storage) as file:
        if pack.key.lower().endswith(_TABLE_SUFFIX):
            yield from ImageTable(file, pack.key, column=config.data.column).images(seed=config.seed)
        else:
            yield from tar_images(file, pack.key, is_image=is_image_name)


def _decode(file: ImageFile) -> ReadImage:
    try:
        image = read_image(file.read())
    except StoreDownError:
        raise
    except (StorageError, FileNotFoundError):
        return ReadImage(name=file.name, content="not to be had from the store")
    if isinstance(image, Unmodelled) and image.fault is not None:
        return ReadImage(name=file.name, content="unreadable")
    if isinstance(image, Unmodelled):
        return ReadImage(name=file.name, content=f"of a kind not modelled, {image.reason}")
    return ReadImage(name=file.name, content=to_rgb(image))
