"""Lessons: what the head looks at of pictures as payloads have them, and what the teacher says of the pictures.

Shape legend: x_BCHW views; f_BF the teacher's features, averaged over a picture; logits_BK of whole pictures.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lessons:
    """A batch of them."""

    x_BCHW: Tensor
    f_BF: Tensor
    logits_BK: Tensor

    def __len__(self) -> int:
        return len(self.logits_BK)

    def joined_with(self, other: Lessons) -> Lessons:
        """These and others."""
        return Lessons(
            x_BCHW=torch.cat((self.x_BCHW, other.x_BCHW)),
            f_BF=torch.cat((self.f_BF, other.f_BF)),
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
        rows = zip(lessons.x_BCHW.half(), lessons.f_BF.half(), lessons.logits_BK.half(), strict=True)
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
        x, f, logits = (torch.stack(values).float() for values in zip(*rows, strict=True))
        return Lessons(x_BCHW=x, f_BF=f, logits_BK=logits)


def parts_of(rgb_BCHW: Tensor, least: int, grid: int, chance: np.random.Generator) -> Tensor:
    """Square parts of patches, one of each and all of one size, a multiple of `grid` and at least `least`: in half of
    all cases the whole. Each is seen in a mirror in half of all cases."""
    height, width = rgb_BCHW.shape[2:]
    whole = min(height, width)
    cut = (
        whole if chance.random() < 0.5 else grid * int(chance.integers(-(-least // grid), whole // grid + 1))
    )
    found = []
    for one_CHW in rgb_BCHW:
        top, left = int(chance.integers(height - cut + 1)), int(chance.integers(width - cut + 1))
        part = one_CHW[:, top : top + cut, left : left + cut]
        found.append(part.flip(2) if chance.random() < 0.5 else part)
    return torch.stack(found)
