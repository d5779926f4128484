"""Words of pictures, as a classifier says them: a text for each, as `tenfold compress --words` takes them.

    python docs/examples/label_words.py PICTURES TEXTS [--shuffled]

EfficientNet-Lite0's three first labels of each picture. `--shuffled` gives each picture those of the next one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from codec.perception.class_names import class_names
from codec.perception.inverted_residuals import LITE0, load_classifier

SIDE = 256
"""Pixels along the shorter side of what the classifier looks at."""
LABELS = 3


def words_of(picture: Path) -> str:
    """Of one picture."""
    rgb = torch.from_numpy(np.array(Image.open(picture).convert("RGB"))).permute(2, 0, 1)[None] / 255.0
    factor = SIDE / min(rgb.shape[2:])
    seen = functional.interpolate(rgb, scale_factor=factor, mode="bilinear", antialias=True)
    classifier = load_classifier(LITE0)
    with torch.inference_mode():
        labels = classifier.logits(classifier(seen))[0].topk(LABELS).indices.tolist()
    return ", ".join(class_names()[label] for label in labels)


def main() -> None:
    """Write the texts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pictures", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--shuffled", action="store_true")
    asked = parser.parse_args()
    asked.texts.mkdir(parents=True, exist_ok=True)
    paths = sorted(asked.pictures.glob("*.png"))
    words = [words_of(path) for path in paths]
    if asked.shuffled:
        words = words[1:] + words[:1]
    for path, text in zip(paths, words, strict=True):
        (asked.texts / f"{path.stem}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
