"""Training images: folders and tar packs, decoded once into memory as uint8."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional

from codec.ae_zfp.model import GRID
from codec.colour import pixels_to_planes
from codec.errors import TrainingError

SUFFIXES: Final = (".avif", ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crops:
    """Images in memory, each at least one patch large, with their names."""

    names: tuple[str, ...]
    pixels: tuple[npt.NDArray[np.uint8], ...]
    """Each (H, W, 3)."""

    def __len__(self) -> int:
        return len(self.pixels)

    def patch_grid(self, index: int) -> npt.NDArray[np.float32]:
        """One image as (h, w, 768): its 16x16 YCbCr patches, in the channel order of the model."""
        pixels = self.pixels[index]
        whole = pixels[: pixels.shape[0] // GRID * GRID, : pixels.shape[1] // GRID * GRID]
        patches = functional.pixel_unshuffle(pixels_to_planes(whole, GRID), GRID)
        return np.ascontiguousarray(patches[0].permute(1, 2, 0).numpy())

    def split(self, held_back: float) -> tuple[Crops, Crops]:
        """(to train on, to choose by): whole photographs, by the name before a crop's last hyphen."""
        photos = sorted({photo_of(name) for name in self.names})
        rng = np.random.default_rng(len(photos))
        count = max(1, round(len(photos) * held_back))
        kept_back = {photos[i] for i in rng.permutation(len(photos))[:count]}
        mask = [photo_of(name) in kept_back for name in self.names]
        if all(mask):
            raise TrainingError(f"expected images of at least two photographs, got {len(photos)}")
        return self._subset([not m for m in mask]), self._subset(mask)

    def _subset(self, mask: Sequence[bool]) -> Crops:
        chosen = [i for i, keep in enumerate(mask) if keep]
        return Crops(names=tuple(self.names[i] for i in chosen), pixels=tuple(self.pixels[i] for i in chosen))


def photo_of(name: str) -> str:
    """`0123abcd-2.avif` -> `0123abcd`: crops of one photograph must not be on both sides of the split."""
    stem = Path(name).stem
    return stem.rsplit("-", 1)[0]


def load_crops(source: Path, *, min_side: int, limit: int | None = None) -> Crops:
    """Every image of a folder (searched downwards, tar packs included) or of one tar pack.

    Raises:
        TrainingError: nothing is there, or no image is at least `min_side` pixels each way.
    """
    if not source.exists():
        raise TrainingError(f"expected training images at {source}: nothing is there")
    names: list[str] = []
    pixels: list[npt.NDArray[np.uint8]] = []
    small = broken = 0
    for name, data in _files(source):
        if limit is not None and len(names) >= limit:
            break
        try:
            with Image.open(io.BytesIO(data)) as image:
                array = np.asarray(image.convert("RGB"))
        except (UnidentifiedImageError, OSError, ValueError):
            broken += 1
            continue
        if min(array.shape[:2]) < min_side:
            small += 1
            continue
        names.append(name)
        pixels.append(array)
    if not names:
        raise TrainingError(
            f"expected images of at least {min_side} x {min_side} pixels ({', '.join(SUFFIXES)}, or .tar of "
            f"them) at {source}; found {small} too small and {broken} unreadable"
        )
    return Crops(names=tuple(names), pixels=tuple(pixels))


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    paths = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    for path in paths:
        if path.suffix == ".tar":
            with tarfile.open(path) as pack:
                for member in pack:
                    stream = pack.extractfile(member) if member.name.lower().endswith(SUFFIXES) else None
                    if stream is not None:
                        yield member.name, stream.read()
        elif path.suffix.lower() in SUFFIXES:
            yield str(path.relative_to(source)) if path != source else path.name, path.read_bytes()


def draw_patches(crops: Crops, *, batch: int, size: int, generator: np.random.Generator) -> Tensor:
    """(B, 3, size, size) RGB in [0, 1]: random places, mirrored and turned at random."""
    patches: list[npt.NDArray[np.uint8]] = []
    for index in generator.integers(len(crops), size=batch):
        image = crops.pixels[index]
        top = int(generator.integers(image.shape[0] - size + 1))
        left = int(generator.integers(image.shape[1] - size + 1))
        patch = image[top : top + size, left : left + size]
        flips = int(generator.integers(8))
        patch = patch[::-1] if flips & 1 else patch
        patch = patch[:, ::-1] if flips & 2 else patch
        patches.append(patch.transpose(1, 0, 2) if flips & 4 else patch)
    stacked = np.ascontiguousarray(np.stack(patches).transpose(0, 3, 1, 2))
    return torch.from_numpy(stacked).float().div_(255.0)
