"""Payloads of every released format, and what they must decode to, forever.

`payloads/` has a folder for each family's id. It holds `<case>.bin` (the payload), `<case>.png` (its pixels) and
`expected.json` (its checksum). Where the family takes weights of one's own, the `weights.safetensors` that made the
payloads lie there too, so that retrained weights leave them alone. `python -m tests.golden` makes what is missing.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from PIL import Image

from codec.contract import Codec, EncodeOptions
from codec.errors import CodecConfigError
from codec.registry import load_codec
from tests.support.photographs import picture
from tests.support.training_runs import pictures, tiny, train

FOLDER: Final = Path(__file__).parent / "payloads"
FIRST_CASES: Final = {"q0": 0.0, "q31.5": 31.5, "q63": 63.0}
"""What a family begins with: the name of a case, and its quality."""
_EXPECTED: Final = "expected.json"


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


def golden_weights(family: str) -> Path:
    """The weights file that made a family's golden payloads; not there when those that ship did."""
    return FOLDER / family / "weights.safetensors"


def golden_codec(family: str, *, device: str = "cpu") -> Codec:
    """The codec that made a family's golden payloads."""
    weights = golden_weights(family)
    return load_codec(family, device=device, encode_with=weights.read_bytes() if weights.exists() else None)


def write_golden(family: str, cases: dict[str, float], *, anew: bool = False) -> list[str]:
    """Encode one picture for every case that is missing, or for all `anew`; the names of those that were written.

    Args:
        cases: quality by name, beside those that are there.
    """
    folder = FOLDER / family
    if not folder.exists():
        folder.mkdir(parents=True)
        _keep_tiny_weights(family)
    expected = expected_of(family)
    qualities = cases | {name: float(case["quality"]) for name, case in expected.items()}
    codec = golden_codec(family)
    written = [name for name in qualities if anew or not golden_path(family, name, "bin").exists()]
    for name in written:
        (encoded,) = codec.encode([picture(75, 101, seed=7)], EncodeOptions(quality=qualities[name]))
        golden_path(family, name, "bin").write_bytes(encoded.payload)
        pixels = codec.decode([encoded.payload])[0].pixels
        Image.fromarray(pixels).save(golden_path(family, name, "png"), optimize=True)
        expected[name] = {
            "quality": qualities[name],
            "symbols_crc32": encoded.symbols_crc32,
            "latent_shape": list(encoded.latent_shape),
            "latents_sum": float(codec.latents(encoded.payload).sum(dtype="float64")),
        }
    (folder / _EXPECTED).write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    return written


def _keep_tiny_weights(family: str) -> None:
    """Train the family's tiny model for the golden payloads, if the family encodes with other weights than its own."""
    with TemporaryDirectory() as out:
        data = train(tiny(family), pictures, out=Path(out)).weights.read_bytes()
    try:
        load_codec(family, device="cpu", encode_with=data)
    except CodecConfigError:
        return
    golden_weights(family).write_bytes(data)
