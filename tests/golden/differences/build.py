"""Writes the golden difference of weights, if there is none: `python -m tests.golden.differences.build`.

`base.safetensors` and `difference.bin` give `adapted.safetensors`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from codec.adaptation.difference import Move, pack
from codec.adaptation.quantise import quantised
from codec.weights_file import parse_weights, weights_bytes

FOLDER: Final = Path(__file__).parent
BASE, ADAPTED, DIFFERENCE = (
    FOLDER / name for name in ("base.safetensors", "adapted.safetensors", "difference.bin")
)


def two_files(seed: int = 5) -> tuple[bytes, bytes]:
    """Weights, and others of the same shapes that lie near them."""
    chance = torch.Generator().manual_seed(seed)
    base = {
        "layer.weight": torch.randn(12, 10, 1, 1, generator=chance),
        "layer.bias": torch.zeros(12),
        "size": torch.full((3,), 5.0),
        "integers.weight": torch.randint(-127, 128, (6, 5), generator=chance, dtype=torch.int8),
        "integers.counts": torch.randint(1, 1 << 20, (40,), generator=chance, dtype=torch.int32),
    }
    adapted = {
        "layer.weight": base["layer.weight"] + 0.02 * torch.randn(12, 10, 1, 1, generator=chance),
        "layer.bias": base["layer.bias"] + 0.003 * torch.randn(12, generator=chance),
        "size": base["size"],
        "integers.weight": base["integers.weight"] + 100,
        "integers.counts": base["integers.counts"] // 3 + 1,
    }
    return weights_bytes('{"name": "base"}', base), weights_bytes('{"name": "adapted"}', adapted)


def on_grid(base: bytes, near: bytes) -> tuple[bytes, dict[str, Move]]:
    """A weights file whose floats lie on a grid around a base's, and how they moved."""
    file = parse_weights(near, where="near")
    tensors, moves = quantised(parse_weights(base, where="the base").tensors, file.tensors)
    return weights_bytes(file.config, tensors), moves


def main() -> None:
    """Write what is missing; what is there stays."""
    if DIFFERENCE.exists():
        return
    base, near = two_files()
    adapted, moves = on_grid(base, near)
    difference = pack(base, adapted, moves)
    assert difference is not None
    for path, data in ((BASE, base), (ADAPTED, adapted), (DIFFERENCE, difference)):
        path.write_bytes(data)


if __name__ == "__main__":
    main()
