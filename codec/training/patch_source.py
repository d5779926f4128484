"""Patches: random places of the crops, mirrored and turned at random, as a batch on the device.

What is drawn depends on the generator alone, so a run on a GPU sees the patches that a run on a CPU sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from codec.training.image_crops import Crops

_ROWS, _COLUMNS, _TURN = 1, 2, 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    """Where patches lie: (B,) each."""

    image: npt.NDArray[np.int64]
    top: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    flips: npt.NDArray[np.int64]
    """Sum of 1 for upside down, 2 for left to right, 4 for rows and columns exchanged, in this order."""


class PatchSource:
    """Draws batches from crops as they are; on a GPU from a copy of all in its memory, where they take no more than a
    quarter of what is free there."""

    def __init__(self, crops: Crops, device: torch.device, *, mirrored: bool = True) -> None:
        self._crops = crops
        self._mirrored = mirrored
        self._device = device
        sizes = np.array([pixels.shape[:2] for pixels in crops.pixels], dtype=np.int64)
        self._heights, self._widths = sizes[:, 0], sizes[:, 1]
        num_bytes = sum(pixels.nbytes for pixels in crops.pixels)
        self._resident = _Resident(crops, device) if num_bytes <= _room(device) else None

    def draw(self, batch: int, size: int, chance: np.random.Generator) -> Tensor:
        """(B, 3, size, size) RGB in [0, 1], float32, on the device, in channels-last memory."""
        image = chance.integers(len(self._crops), size=batch)
        places = _Places(
            image=image,
            top=chance.integers(self._heights[image] - size + 1),
            left=chance.integers(self._widths[image] - size + 1),
            flips=chance.integers(8, size=batch) * self._mirrored,
        )
        cut = partial(_cut, self._crops) if self._resident is None else self._resident.cut
        return cut(places, size).to(self._device).permute(0, 3, 1, 2).float().div_(255.0)


def _room(device: torch.device) -> int:
    """Bytes that crops may take of a device's memory: the rest is for training."""
    return torch.cuda.mem_get_info(device)[0] // 4 if device.type == "cuda" else 0


def _cut(crops: Crops, places: _Places, size: int) -> Tensor:
    patches: list[npt.NDArray[np.uint8]] = []
    rows = zip(places.image, places.top, places.left, places.flips, strict=True)
    for image, top, left, flips in rows:
        patch = crops.pixels[image][top : top + size, left : left + size]
        patch = patch[::-1] if flips & _ROWS else patch
        patch = patch[:, ::-1] if flips & _COLUMNS else patch
        patches.append(patch.transpose(1, 0, 2) if flips & _TURN else patch)
    return torch.from_numpy(np.stack(patches))


class _Resident:
    """All crops as one (pixels, 3) tensor on the device, whatever their sizes."""

    def __init__(self, crops: Crops, device: torch.device) -> None:
        areas = [pixels.shape[0] * pixels.shape[1] for pixels in crops.pixels]
        self._device = device
        self._starts = np.concatenate(([0], np.cumsum(areas)[:-1])).astype(np.int64)
        self._widths = np.array([pixels.shape[1] for pixels in crops.pixels], dtype=np.int64)
        self._pixels_T3 = torch.empty((sum(areas), 3), dtype=torch.uint8, device=device)
        for start, area, pixels in zip(self._starts, areas, crops.pixels, strict=True):
            flat = torch.from_numpy(np.ascontiguousarray(pixels).reshape(-1, 3))
            self._pixels_T3[int(start) : int(start) + area] = flat.to(device)

    def cut(self, places: _Places, size: int) -> Tensor:
        """(B, size, size, 3) uint8."""
        width_B = self._widths[places.image]
        corner_B = self._starts[places.image] + places.top * width_B + places.left
        facts = torch.from_numpy(np.stack((corner_B, width_B, places.flips))).to(self._device)
        corner, width, flips = (row.view(-1, 1, 1) for row in facts)
        along = torch.arange(size, device=self._device).view(1, -1)
        rows, columns = along.view(1, -1, 1), along.view(1, 1, -1)
        turned = (flips & _TURN).bool()
        rows, columns = torch.where(turned, columns, rows), torch.where(turned, rows, columns)
        rows = torch.where((flips & _ROWS).bool(), size - 1 - rows, rows)
        columns = torch.where((flips & _COLUMNS).bool(), size - 1 - columns, columns)
        return self._pixels_T3[corner + rows * width + columns]
