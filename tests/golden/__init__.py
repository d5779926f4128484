"""Payloads of every released format, and what they must decode to, forever.

`payloads/` has a folder for each family's id. It holds `<case>.bin` (the payload), `<case>.png` (its pixels) and
`expected.json` (its checksum). Where the family takes weights of one's own, the `weights.safetensors` that made the
payloads lie there too, so that retrained weights leave them alone. Cases of other shapes of the family's models name
a file of their own in `expected.json`. `python -m tests.golden` makes what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from PIL import Image

from codec.codec import Codec
from codec.contract import EncodeOptions
from codec.errors import CodecConfigError
from codec.registry import load_codec
from tests.support.photographs import picture
from tests.support.training_runs import pictures, tiny, train

FOLDER: Final = Path(__file__).parent / "payloads"
FIRST_CASES: Final = {"q0": 0.0, "q31.5": 31.5, "q63": 63.0}
"""What a family begins with: the name of a case, and its quality."""
MAPPED: Final = "map-"
"""What the names of cases hold that have an importance map: `python -m tests.golden hyper-1 --prefix map-`."""
TOLD: Final = "words-"
"""The same of cases that have words beside the image."""
_EXPECTED: Final = "expected.json"
_WEIGHTS: Final = "weights.safetensors"


def golden_families() -> list[str]:
    """Ids of the families that have golden payloads."""
    return sorted(path.name for path in FOLDER.iterdir() if any(path.glob("*.bin")))


def golden_cases() -> list[tuple[str, str]]:
    """(family, case) of every golden payload."""
    return sorted((path.parent.name, path.stem) for path in FOLDER.glob("*/*.bin"))


def golden_path(family: str, case: str, suffix: str) -> Path:
    """Where a golden payload (`bin`) or its pixels (`png`) lie."""
    return FOLDER / family / f"{case}.{suffix}"


def expected_of(family: str) -> dict[str, dict[str, Any]]:
    """What each case of a family must decode to; empty when it has none."""
    path = FOLDER / family / _EXPECTED
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def golden_weights(family: str, name: str = _WEIGHTS) -> Path:
    """The weights file that made a family's golden payloads, or those of one shape; not there when those that ship
    did."""
    return FOLDER / family / name


def golden_codec(family: str, *, device: str = "cpu", name: str = _WEIGHTS) -> Codec:
    """The codec that made a family's golden payloads; it decodes those of every shape."""
    own = golden_weights(family, name)
    others = [path.read_bytes() for path in sorted(own.parent.glob("*.safetensors")) if path != own]
    return load_codec(
        family, device=device, weights=others, encode_with=own.read_bytes() if own.exists() else None
    )


def write_golden(
    family: str,
    cases: dict[str, float],
    *,
    anew: bool = False,
    name: str = _WEIGHTS,
    keys: Mapping[str, Any] = MappingProxyType({}),
) -> list[str]:
    """Encode one picture for every case that is missing, or for all `anew`; the names of those that were written.

    Args:
        cases: quality by name, beside those that are there.
        anew: replace those that are there too.
        name: of the weights file that makes the cases given, trained if it is missing.
        keys: of its training, beside those of the family's tiny one.
    """
    folder = FOLDER / family
    folder.mkdir(parents=True, exist_ok=True)
    expected = expected_of(family)
    if (keys or not expected) and not golden_weights(family, name).exists():
        _keep_tiny_weights(family, name, keys)
    made_by = dict.fromkeys(cases, name) | {
        case: str(wanted.get("weights", _WEIGHTS)) for case, wanted in expected.items()
    }
    qualities = cases | {case: float(wanted["quality"]) for case, wanted in expected.items()}
    written = [case for case in qualities if anew or not golden_path(family, case, "bin").exists()]
    for case in written:
        codec = golden_codec(family, name=made_by[case])
        image = picture(75, 101, seed=7)
        grey = np.array([[40, 220]], np.uint8) if MAPPED in case else None
        words = "ein Hund am Strand" if TOLD in case else None
        options = EncodeOptions(quality=qualities[case], importance=grey, words=words)
        (encoded,) = codec.encode([image], options)
        golden_path(family, case, "bin").write_bytes(encoded.payload)
        pixels = codec.decode([encoded.payload])[0].pixels
        Image.fromarray(pixels).save(golden_path(family, case, "png"), optimize=True)
        expected[case] = {
            "quality": qualities[case],
            "symbols_crc32": encoded.symbols_crc32,
            "latent_shape": list(encoded.latent_shape),
            "latents_sum": float(codec.latents(encoded.payload).sum(dtype="float64")),
        } | ({} if made_by[case] == _WEIGHTS else {"weights": made_by[case]})
    (folder / _EXPECTED).write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    return written


def _keep_tiny_weights(family: str, name: str, keys: Mapping[str, Any]) -> None:
    """Train a tiny model for golden payloads, if the family encodes with other weights than its own."""
    with TemporaryDirectory() as out:
        data = train(tiny(family, **keys), pictures, out=Path(out)).weights.read_bytes()
    try:
        load_codec(family, device="cpu", encode_with=data)
    except CodecConfigError:
        return
    golden_weights(family, name).write_bytes(data)
