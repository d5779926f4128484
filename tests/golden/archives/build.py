"""Writes a golden archive with the code of any release: `python tests/golden/archives/build.py CHECKOUT TARGET`.

It runs `python -m jobs.main` in CHECKOUT, on tiny pictures that it draws, with the small `hyper-1` model of the folder
above, so that the whole archive has half a megabyte. TARGET gets

    archive/        two versions of a source, one image lost, one kept, one failed
    returned/       the shard of the lost image as it was, below `returned/shards/`
    decoded/        what CHECKOUT decodes of every image, the lost one included, before it was lost
    rows.json       what CHECKOUT lists

The source lies below /tmp/tenfold-golden while the archive is written, and nothing looks for it later.
"""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
import PIL.Image

WEIGHTS: Final = Path(__file__).resolve().parents[1] / "payloads" / "hyper-1" / "weights.safetensors"
WORKSHOP: Final = Path("/tmp/tenfold-golden")
CONFIG: Final = """\
codec: {id: hyper-1, quality: 40, weights: /tmp/tenfold-golden/weights.safetensors}
shard: {max_images: 1}
workers: {count: 0}
"""
"""One image a shard, so that one can be lost alone."""
LOST: Final = "lost.png"


def picture(seed: int, *, width: int = 56, height: int = 40) -> PIL.Image.Image:
    """Smooth shapes and a little noise, from NumPy's stable generator."""
    chance = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    smooth = 128 + 90 * np.sin(rows / chance.uniform(5, 20)) * np.cos(columns / chance.uniform(5, 20))
    pixels = smooth[:, :, None] + chance.normal(0, 9, (height, width, 3))
    return PIL.Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def jpeg_with_metadata() -> bytes:
    """EXIF with an orientation, and a colour profile that nothing reads."""
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "golden"
    stream = io.BytesIO()
    picture(2).save(stream, "JPEG", quality=95, exif=exif, icc_profile=b"a profile" * 20)
    return stream.getvalue()


def deep_png() -> bytes:
    """16 bits a sample: kept as it is."""
    stream = io.BytesIO()
    PIL.Image.fromarray(np.arange(24 * 16, dtype=np.uint16).reshape(16, 24) * 170).save(stream, "PNG")
    return stream.getvalue()


def main(checkout: Path, target: Path) -> None:
    """Write everything."""
    shutil.rmtree(WORKSHOP, ignore_errors=True)
    source, archive = WORKSHOP / "source", WORKSHOP / "archive"
    source.mkdir(parents=True)
    shutil.copy(WEIGHTS, WORKSHOP / "weights.safetensors")
    config = WORKSHOP / "config.yaml"
    config.write_text(CONFIG)

    def tenfold(*words: str, exit_code: int = 0) -> str:
        command = [sys.executable, "-m", "jobs.main", *words]
        there = {**os.environ, "PYTHONPATH": str(checkout)}
        done = subprocess.run(command, cwd=checkout, env=there, capture_output=True, text=True, check=False)
        assert done.returncode == exit_code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    for name, seed in (("changed.png", 1), ("grey.png", 3), (LOST, 4)):
        picture(seed).convert("L" if name == "grey.png" else "RGB").save(source / name)
    (source / "deep.png").write_bytes(deep_png())
    (source / "failed.png").write_bytes(b"no image at all")
    tenfold("compress", str(source), str(archive), "--config", str(config), exit_code=3)
    (source / "photo.jpg").write_bytes(jpeg_with_metadata())
    picture(5).save(source / "changed.png")
    tenfold("compress", str(source), str(archive), "--config", str(config))

    tenfold("decode", str(archive), str(target / "decoded"), "--workers", "0")
    listed = json.loads(tenfold("ls", str(archive), "--json"))
    row = next(row for row in listed if row["key"] == LOST)
    shard = row["shard"]
    kept = target / "returned" / shard
    kept.parent.mkdir(parents=True)
    shutil.copy(archive / shard, kept)
    damaged = bytearray(kept.read_bytes())
    damaged[row["payload_offset"]] ^= 1
    (archive / shard).write_bytes(damaged)
    (source / LOST).unlink()
    tenfold("repair", str(archive), "--config", str(_without_codec()), exit_code=3)
    rows = json.loads(tenfold("ls", str(archive), "--json"))
    (target / "rows.json").write_text(json.dumps(rows, indent=1) + "\n")
    shutil.copytree(archive, target / "archive")
    for lock in (target / "archive/locks").iterdir():
        lock.write_text(lock.read_text().replace(platform.node(), "a-machine"))


def _without_codec() -> Path:
    """What `repair` is told: which codec to use, the rows say."""
    path = WORKSHOP / "repair.yaml"
    path.write_text("workers: {count: 0}\n")
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
