"""A source that changes: small pictures, no two alike, and files that are none."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import numpy as np
import PIL.Image

_SIZE = (48, 64)


def draw(path: Path, rng: random.Random) -> None:
    """Write a picture that was never there before; one in eight with 16 bits, which the codec keeps as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0 : _SIZE[0], 0 : _SIZE[1]]
    waves = [
        np.sin(x / rng.uniform(4, 20) + rng.uniform(0, 6)) * np.cos(y / rng.uniform(4, 20)) for _ in range(3)
    ]
    if rng.random() < 0.125:
        PIL.Image.fromarray((32768 + 30000 * waves[0]).astype(np.uint16)).save(path)
    else:
        pixels = np.clip(128 + 110 * np.stack(waves, axis=-1), 0, 255).astype(np.uint8)
        PIL.Image.fromarray(pixels).save(path)


def fill(folder: Path, count: int, rng: random.Random) -> None:
    """A source to begin with, one file of it no image."""
    for number in range(count):
        draw(folder / f"{number:04d}.png", rng)
    (folder / "text.png").write_bytes(b"no image at all")


def change(folder: Path, rng: random.Random) -> None:
    """Add, change and delete a few."""
    for _ in range(rng.randrange(1, 4)):
        draw(folder / f"new{rng.randrange(10**9):09d}.png", rng)
    there = sorted(path for path in folder.iterdir() if path.name != "text.png")
    for path in rng.sample(there, 2):
        draw(path, rng)
    for path in rng.sample(there, rng.randrange(3)):
        path.unlink()


def contents(folder: Path) -> dict[str, str]:
    """Key -> SHA-256 of every file."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
