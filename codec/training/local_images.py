"""Training images from local folders and tar packs, with nothing but Pillow: for a bare GPU box."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from codec.contract import RGB
from codec.errors import TrainingError
from codec.training.config import TrainConfig
from codec.training.gather import gather
from codec.training.image_crops import Crops
from codec.training.image_files import ImageFile, ReadImage, decode_ahead, sample, take_turns

SUFFIXES: Final = (".avif", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
PACK_SUFFIXES: Final = (".tar", ".tar.gz", ".tgz")


def load_crops(source: Path, config: TrainConfig, *, say: Callable[[str], None] = lambda _: None) -> Crops:
    """What a config allows of a folder (searched downwards, tar packs included), of one pack, or of one image.

    `say` gets one line on what was read, skipped and left out.

    Raises:
        TrainingError: nothing is there, or no image is at least one patch large.
    """
    if not source.exists():
        raise TrainingError(f"expected training images at {source}: nothing is there")
    gathered = gather(decode_ahead(_files(source, config), _decode), config, where=str(source))
    say(str(gathered))
    return gathered.crops


def load_kinds(folder: Path, config: TrainConfig) -> dict[str, list[RGB]]:
    """Images that are not trained on, by kind: those of every sub-folder of a folder, under its name.

    Of each kind `config.evaluate_crops` are taken, at most.

    Raises:
        TrainingError: there is no sub-folder, or one holds no image that is at least one patch large.
    """
    kinds = sorted(path for path in folder.glob("*") if path.is_dir())
    if not kinds:
        raise TrainingError(
            f"expected a folder of images for every kind in {folder}, got none; name them there"
        )
    return {kind.name: load_crops(kind, config).spread(config.evaluate_crops) for kind in kinds}


def _files(source: Path, config: TrainConfig) -> Iterator[ImageFile | ReadImage]:
    paths = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    packs = [path for path in paths if path.name.lower().endswith(PACK_SUFFIXES)]
    loose = [path for path in paths if path.suffix.lower() in SUFFIXES]
    chosen, _ = sample(loose, config.data.max_images, seed=config.seed)
    base = source if source.is_dir() else source.parent
    groups = [
        _loose(chosen, base),
        *(_open_pack(path) for path in sample(packs, len(packs), seed=config.seed)[0]),
    ]
    return take_turns(groups)


def _loose(paths: list[Path], base: Path) -> Iterator[ImageFile | ReadImage]:
    for path in paths:
        yield ImageFile(name=path.relative_to(base).as_posix(), read=path.read_bytes)


def _open_pack(path: Path) -> Iterator[ImageFile | ReadImage]:
    try:
        with path.open("rb") as file:
            yield from tar_images(file, str(path), is_image=lambda name: name.lower().endswith(SUFFIXES))
    except OSError as error:
        raise TrainingError(f"expected a tar pack that can be read at {path}, got {error}") from error


def tar_images(
    file: io.BufferedIOBase, where: str, *, is_image: Callable[[str], bool]
) -> Iterator[ImageFile | ReadImage]:
    """The images of a tar pack, read from front to back; a damaged one ends with a reason."""
    try:
        with tarfile.open(fileobj=file, mode="r|*") as pack:
            for member in pack:
                stream = pack.extractfile(member) if member.isfile() and is_image(member.name) else None
                if stream is not None:
                    data = stream.read()
                    yield ImageFile(name=member.name, read=lambda data=data: data)  # type: ignore[misc]
    except (tarfile.TarError, EOFError) as error:
        yield ReadImage(name=where, content=f"tar packs damaged ({error})")


def _decode(file: ImageFile) -> ReadImage:
    try:
        with Image.open(io.BytesIO(file.read())) as image:
            return ReadImage(name=file.name, content=np.asarray(image.convert("RGB")))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return ReadImage(name=file.name, content="unreadable")
