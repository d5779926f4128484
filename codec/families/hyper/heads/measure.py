"""`python -m codec.families.hyper.heads.measure IMAGES`: how far the head agrees with its teacher, at what cost.

Beside it stands the teacher on what JPEG leaves at equal bytes: the largest Pillow quality whose file is not larger
than the payload. Agreement is with the teacher on originals, whole pictures whose shorter side is made 256; it is not
accuracy. CPU seconds are of one thread, the best of three.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from codec.colour import pixels_to_rgb
from codec.contract import RGB, EncodeOptions
from codec.families.hyper import FAMILY
from codec.families.hyper.codec import HyperCodec
from codec.families.hyper.heads.evaluate import Agreement, agreement
from codec.families.hyper.heads.network import LabelNetwork
from codec.families.hyper.heads.teacher import Teacher
from codec.families.hyper.heads.weights import understand_head
from codec.families.hyper.load import load
from codec.perception.inverted_residuals import LITE0, load_classifier
from codec.weights_file import SUFFIX, read_weights

_QUALITIES: Final = (0, 8, 34)
_RUNS: Final = 3


@dataclass(slots=True, kw_only=True)
class Answers:
    """Of one way of seeing, picture by picture."""

    logits: list[Tensor] = field(default_factory=list)
    embeddings: list[Tensor] = field(default_factory=list)

    def held_against(self, teacher: Answers) -> Agreement:
        """How far it agrees."""
        mine, expected = ((torch.cat(one.logits), torch.cat(one.embeddings)) for one in (self, teacher))
        return agreement(mine[0], expected[0], mine[1], expected[1])


class TeacherEye:
    """The teacher, and what of its features a head has in its embedding."""

    def __init__(self, head: LabelNetwork) -> None:
        """Load the teacher."""
        self._embed, self._teacher = head.embed, Teacher(load_classifier(LITE0))

    def look(self, pixels: RGB, into: Answers) -> None:
        """See one picture."""
        with torch.inference_mode():
            f_1F, logits_1K = self._teacher.features_and_logits(pixels_to_rgb(pixels))
            into.logits.append(logits_1K)
            into.embeddings.append(self._embed(f_1F))


def main() -> None:
    """Measure, and print lines of a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="folder of pictures")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    images = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(arguments.images.iterdir())]
    codec = load(device=torch.device("cpu"), own=None, others=())
    eye = TeacherEye(understand_head(read_weights(FAMILY.shipped_heads / f"labels{SUFFIX}")).network)
    originals = Answers()
    for image in images:
        eye.look(image, originals)
    for quality in _QUALITIES:
        head, decoded, jpeg, jpeg_bytes = Answers(), Answers(), Answers(), 0
        payloads = [codec.encode([image], EncodeOptions(quality=quality))[0].payload for image in images]
        for image, payload in zip(images, payloads, strict=True):
            (seen,) = codec.see([payload])
            head.embeddings.append(torch.from_numpy(seen.embedding)[None])
            head.logits.append(torch.from_numpy(seen.scores)[None])
            eye.look(codec.decode([payload])[0].pixels, decoded)
            file = _jpeg_within(image, len(payload))
            jpeg_bytes += len(file)
            eye.look(np.asarray(Image.open(io.BytesIO(file)).convert("RGB")), jpeg)
        bits = 8.0 / sum(image.shape[0] * image.shape[1] for image in images)
        for name, answers, size in (
            ("head", head, sum(map(len, payloads))),
            ("teacher on the decoded picture", decoded, sum(map(len, payloads))),
            ("teacher on JPEG", jpeg, jpeg_bytes),
        ):
            print(_line(quality, name, bits * size, answers.held_against(originals)), flush=True)
        _print_seconds(codec, payloads[:4], quality, eye)


def _line(quality: int, name: str, bpp: float, found: Agreement) -> str:
    values = (found.top1, found.top1_in_5, found.top5, found.cosine)
    return f"| {quality} | {name} | {bpp:.3f} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


def _print_seconds(codec: HyperCodec, payloads: Sequence[bytes], quality: int, eye: TeacherEye) -> None:
    seen, decoded = (
        float(np.mean([_seconds(partial(work, [payload])) for payload in payloads]))
        for work in (codec.see, codec.decode)
    )
    pixels = codec.decode(payloads[:1])[0].pixels
    looked = _seconds(lambda: eye.look(pixels, Answers()))
    print(
        f"quality {quality}: head {1e3 * seen:.0f} ms, decode {1e3 * decoded:.0f} ms, teacher {1e3 * looked:.0f} ms: "
        f"{decoded / seen:.1f} times faster than decoding, {(decoded + looked) / seen:.1f} than both"
    )


def _seconds(work: Callable[[], object]) -> float:
    work()
    found = []
    for _ in range(_RUNS):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def _jpeg_within(pixels: RGB, most: int) -> bytes:
    """The best file that is not larger than so many bytes; the smallest where every one is."""
    low, high = 1, 96
    best = _jpeg(pixels, low)
    while high - low > 1:
        middle = (low + high) // 2
        data = _jpeg(pixels, middle)
        if len(data) <= most:
            low, best = middle, data
        else:
            high = middle
    return best


def _jpeg(pixels: RGB, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main()
