"""What judges say of several decoders of the same payloads, and of other codecs at as many bytes an image.

    python docs/examples/decoders.py PICTURES --decoders faithful,realistic --quality 8

Each other codec is at the setting whose file is nearest to our payload's bytes, image by image. `--every 3` takes every
third picture; `--judges` names those to ask. A weights file of a decoder is given by `--weights`; by default those that
ship are there. `--parts NAME:ROW,COLUMN` of some pictures lie side by side, as the original and by each decoder, in the
picture that `--sheet` names. `--codec` names another codec than the default, `--beside hyper-1:0` one whose faithful
pictures of that quality stand first. `--words DIR` has a text NAME.txt for each picture, for codecs that take words;
`--again` says how many latents are the same after a picture was encoded again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from PIL import Image

from codec.bench.baselines import BASELINES, Baseline
from codec.bench.judges import Judge, all_judges
from codec.bench.libraries import library
from codec.codec import Codec
from codec.contract import DEFAULT_CODEC, FAITHFUL, RGB, EncodeOptions
from codec.metrics import bpp, psnr_db
from codec.registry import load_codec

SIDE = 192
"""Of a part on a sheet, in pixels."""
JUDGES = "LPIPS (AlexNet),LPIPS (VGG),DISTS,KD-lite0,spectral peaks"


def nearest(baseline: Baseline, image: RGB, num_bytes: int) -> bytes:
    """The file that is nearest to so many bytes."""
    low, high = 1, max(baseline.qualities)
    files: dict[int, bytes] = {}
    while low < high:
        middle = (low + high) // 2
        files[middle] = baseline.encode(image, middle)
        low, high = (middle + 1, high) if len(files[middle]) < num_bytes else (low, middle)
    files.setdefault(low, baseline.encode(image, low))
    return min(files.values(), key=lambda data: abs(len(data) - num_bytes))


def row(
    title: str, images: Sequence[RGB], decoded: Sequence[RGB], sizes: Sequence[int], judges: Sequence[Judge]
) -> str:
    """One line of the table."""
    rates = [bpp(size, image.shape[1], image.shape[0]) for size, image in zip(sizes, images, strict=True)]
    cells = [f"{mean(rates):.3f}", f"{mean(map(psnr_db, images, decoded)):.2f}"]
    for judge in judges:
        if judge.of_set is not None:
            cells.append(f"{judge.of_set(images, decoded):.4f}")
        else:
            assert judge.of_pair is not None
            cells.append(f"{mean(map(judge.of_pair, images, decoded)):.4f}")
    return f"| {title} | {' | '.join(cells)} |"


def decoded_by(codec: Codec, decoder: str, payloads: Sequence[bytes]) -> list[RGB]:
    """One after the other: memory is that of one picture."""
    return [codec.decode([payload], decoder=decoder)[0].pixels for payload in payloads]


def same_latents(codec: Codec, quality: float, payloads: Sequence[bytes], shown: Sequence[RGB]) -> float:
    """The share of latents that pictures have again when they are encoded once more."""
    again = (codec.encode([one], EncodeOptions(quality=quality))[0].payload for one in shown)
    pairs = zip(payloads, again, strict=True)
    return mean(float(np.mean(codec.latents(one) == codec.latents(other))) for one, other in pairs)


def strip(pictures: Sequence[RGB], corner: str) -> RGB:
    """The same part of some pictures, side by side."""
    top, left = map(int, corner.split(","))
    return np.concatenate([one[top : top + SIDE, left : left + SIDE] for one in pictures], axis=1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--decoders", default="faithful")
    parser.add_argument("--others", default="")
    parser.add_argument("--judges", default=JUDGES)
    parser.add_argument("--quality", type=float, default=8.0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--weights", type=Path, action="append", default=[])
    parser.add_argument("--parts", nargs="*", default=[])
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--codec", default=DEFAULT_CODEC)
    parser.add_argument("--beside", default="")
    parser.add_argument("--words", type=Path)
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    paths = sorted(asked.pictures.glob("*.png"))[:: asked.every]
    images = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
    judges = [one for one in all_judges() if one.name in asked.judges.split(",") and one.missing() is None]
    codec = load_codec(asked.codec, device="cpu", weights=[path.read_bytes() for path in asked.weights])
    texts = [
        None if asked.words is None else (asked.words / f"{path.stem}.txt").read_text() for path in paths
    ]
    options = [EncodeOptions(quality=asked.quality, words=text) for text in texts]
    payloads = [codec.encode([image], one)[0].payload for image, one in zip(images, options, strict=True)]
    sizes = [len(payload) for payload in payloads]
    print(f"{len(images)} images at quality {asked.quality:g}\n")
    print(f"| picture | bpp | PSNR | {' | '.join(one.name for one in judges)} |")
    print("|---|" + "---:|" * (2 + len(judges)))
    columns = [images]
    if asked.beside:
        other_id, _, quality = asked.beside.partition(":")
        other = load_codec(other_id, device="cpu")
        coded = [other.encode([image], EncodeOptions(quality=float(quality)))[0].payload for image in images]
        columns.append(decoded_by(other, FAITHFUL, coded))
        print(row(asked.beside, images, columns[-1], [len(one) for one in coded], judges), flush=True)
    for name in filter(None, asked.decoders.split(",")):
        columns.append(decoded_by(codec, name, payloads))
        print(row(name, images, columns[-1], sizes, judges), flush=True)
        if asked.again:
            print(f"same latents of {name}: {same_latents(codec, asked.quality, payloads, columns[-1]):.4f}")
    if asked.sheet is not None:
        of_name = dict(zip((path.stem for path in paths), zip(*columns, strict=True), strict=True))
        strips = [
            strip(of_name[name], corner) for name, _, corner in (one.partition(":") for one in asked.parts)
        ]
        Image.fromarray(np.concatenate(strips)).save(asked.sheet, quality=88)
    for baseline in (one for one in BASELINES if one.id in asked.others.split(",")):
        library(baseline.format)
        files = [nearest(baseline, image, size) for image, size in zip(images, sizes, strict=True)]
        decoded = [baseline.decode(file) for file in files]
        print(row(baseline.title, images, decoded, [len(file) for file in files], judges), flush=True)
    for judge in judges:
        if judge.floor is not None:
            print(f"\nfloor of {judge.name}: {judge.floor(images):.4f}")


if __name__ == "__main__":
    main()
