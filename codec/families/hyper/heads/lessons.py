"""Lessons: latents of pictures as payloads have them, and what the teacher says of the same pictures.

Shape legend: rgb_BCHW in [0, 1]; y_BKhw the first latents; e_BEuv embeddings of places, logits_BK of whole pictures.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lessons:
    """A batch of them."""

    y_BKhw: Tensor
    e_BEuv: Tensor
    logits_BK: Tensor

    def __len__(self) -> int:
        return len(self.logits_BK)

    def beside(self, other: Lessons) -> Lessons:
        """These and others."""
        return Lessons(
            y_BKhw=torch.cat((self.y_BKhw, other.y_BKhw)),
            e_BEuv=torch.cat((self.e_BEuv, other.e_BEuv)),
            logits_BK=torch.cat((self.logits_BK, other.logits_BK)),
        )


class Memory:
    """The last lessons, in float16. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        """Remember nothing yet."""
        self._most = most
        self._lock = threading.Lock()
        self._kept: list[tuple[Tensor, Tensor, Tensor]] = []
        self._next = 0

    def add(self, lessons: Lessons) -> None:
        """Keep these, in the place of the oldest where there is no room."""
        rows = zip(lessons.y_BKhw.half(), lessons.e_BEuv.half(), lessons.logits_BK.half(), strict=True)
        with self._lock:
            for row in rows:
                if len(self._kept) < self._most:
                    self._kept.append(row)
                else:
                    self._kept[self._next] = row
                    self._next = (self._next + 1) % self._most

    def drawn(self, count: int, chance: np.random.Generator) -> Lessons | None:
        """So many of them, at random; None where nothing is remembered."""
        with self._lock:
            rows = (
                [self._kept[place] for place in chance.integers(len(self._kept), size=count)]
                if self._kept
                else []
            )
        if not rows:
            return None
        y, e, logits = (torch.stack(values).float() for values in zip(*rows, strict=True))
        return Lessons(y_BKhw=y, e_BEuv=e, logits_BK=logits)


def parts_of(rgb_BCHW: Tensor, side: int, chance: np.random.Generator) -> Tensor:
    """A square part of each patch, of any size from `side` to the whole, shrunk to (B, 3, side, side): half of them
    are the whole."""
    batch, _, height, width = rgb_BCHW.shape
    whole = min(height, width)
    found = []
    for number in range(batch):
        cut = whole if chance.random() < 0.5 else int(chance.integers(side, whole + 1))
        top, left = int(chance.integers(height - cut + 1)), int(chance.integers(width - cut + 1))
        found.append(shrunk(rgb_BCHW[number : number + 1, :, top : top + cut, left : left + cut], side))
    return torch.cat(found)


def shrunk(rgb_BCHW: Tensor, side: int) -> Tensor:
    """Pictures whose shorter side is `side`."""
    height, width = rgb_BCHW.shape[2:]
    scale = side / min(height, width)
    if scale == 1.0:
        return rgb_BCHW
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return functional.interpolate(
        rgb_BCHW.contiguous(), size=size, mode="bilinear", antialias=True, align_corners=False
    ).clamp(0.0, 1.0)
