"""What an item of `ArchiveDataset` costs in each form, beside reading the files themselves.

    python docs/examples/loader_costs.py PICTURES WORK

Compresses PICTURES into WORK/archive, then reads all of them in each form, three times on one thread, and tells the CPU
time of the fastest, and the bytes that were read.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tenfold import Archive, ArchiveDataset

ROUNDS = 3
FORMS: dict[str, dict[str, Any]] = {
    "every pixel": {},
    "`size=256`": {"size": 256},
    "`size=128`": {"size": 128},
    "`region=(0, 0, 224, 224)`": {"region": (0, 0, 224, 224)},
    "`latents=True`": {"latents": True},
    "`latents=64`": {"latents": 64},
    "`decode=False`": {"decode": False},
}


def main() -> None:
    """Compress, read, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("work", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    url, cache = str(arguments.work / "archive"), arguments.work / "cache"
    if not Path(url).exists():
        command = [
            sys.executable,
            "-m",
            "tenfold",
            "compress",
            str(arguments.pictures),
            url,
            "--workers",
            "0",
        ]
        subprocess.run(command, check=True)
    keys = list(Archive(url))
    megapixels = sum(row.width * row.height for row in Archive(url).rows()) / 1e6
    print(
        f"{len(keys)} pictures, {megapixels:.2f} megapixels\n\n| | CPU, ms an image | ms a megapixel |\n|---|---|---|"
    )
    for name, form in FORMS.items():
        dataset = ArchiveDataset(url, **form)
        tell(name, megapixels, keys, lambda dataset=dataset: dataset.__getitems__(range(len(keys))))
    shutil.rmtree(cache, ignore_errors=True)
    cached = ArchiveDataset(url, cache=cache)
    tell("every pixel, from `cache=`", megapixels, keys, lambda: cached.__getitems__(range(len(keys))))
    files = {key: (arguments.pictures / key).read_bytes() for key in keys}
    tell("the files, by Pillow", megapixels, keys, lambda: opened(files.values()))
    jpegs = [as_jpeg(data) for data in files.values()]
    tell("as JPEG of quality 90, by Pillow", megapixels, keys, lambda: opened(jpegs))
    stored = sum(row.payload_length for row in Archive(url).rows())
    print(
        f"\nPayloads: {stored:,} bytes; files: {sum(map(len, files.values())):,}; JPEG: {sum(map(len, jpegs)):,}."
    )


def tell(name: str, megapixels: float, keys: Sequence[str], read: Callable[[], Any]) -> None:
    """Read some times, and print a row."""
    spent = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        read()
        spent.append(time.process_time() - begun)
    ms = 1000 * min(spent)
    print(f"| {name} | {ms / len(keys):.1f} | {ms / megapixels:.0f} |", flush=True)


def opened(files: Sequence[bytes]) -> None:
    """Decode files."""
    for data in files:
        np.array(Image.open(io.BytesIO(data)).convert("RGB"))


def as_jpeg(data: bytes) -> bytes:
    """A file as a camera would have it."""
    stream = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(stream, "JPEG", quality=90)
    return stream.getvalue()


if __name__ == "__main__":
    main()
