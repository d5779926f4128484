"""Both public validators of the IIIF Image API against `tenfold serve`, and against Ray Serve: `make iiif`.

    python -m tests.iiif PYTHON_WITH_iiif-validator PYTHON_WITH_iiif-validator-ng

They look at a picture of a hundred squares whose colours they know. It is served twice: as a file that was kept, and,
with a little noise, as the codec gives it back. One check contradicts the standard and is expected to fail: `size_noup`
wants `!2000,3000` of a smaller image refused, where the standard says "not larger than the extracted region".
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Final

import numpy as np
import PIL.Image
import ray

from pipeline.words import counted
from tests.support.ray_server import serving_on_ray
from tests.support.road import tenfold
from tests.support.server import serving

_KEPT, _CODED = "squares/kept.png", "squares/coded.png"
_AGAINST_THE_STANDARD: Final = "size_noup"
_QUALITY: Final = 60
"""At less, a square may miss its colour by more than the validators forgive."""


def main() -> int:
    """Run both; the exit code is the number of checks that failed and should not have."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    old, new = (Path(path).absolute() for path in sys.argv[1:])
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        archive = _archive(Path(folder), old)
        with serving(archive, "--decoders", "1") as server:
            failed += _run_both(old, new, server.address)
        with ray.init(address="local", num_cpus=2, log_to_driver=False), serving_on_ray(archive) as address:
            failed += _run_both(old, new, address)
    return failed


def _run_both(old: Path, new: Path, address: str) -> int:
    failed = 0
    for key in (_KEPT, _CODED):
        urllib.request.urlopen(f"{address}/image/{key}?w=9", timeout=300).close()  # they wait 5 s
        failed += _run_old(old, address, key)
        failed += _run_new(new, address, key)
    return failed


def _archive(folder: Path, validator: Path) -> str:
    """An archive of the squares."""
    code = "import json; from iiif_validator.validator import ValidationInfo as V; print(json.dumps(V().colorInfo))"
    said = subprocess.run((validator, "-c", code), capture_output=True, check=True).stdout
    colours = json.loads(said.splitlines()[-1])
    squares = np.array(colours, np.uint8).transpose(1, 0, 2).repeat(100, axis=0).repeat(100, axis=1)
    noise = np.random.default_rng(0).integers(-2, 3, squares.shape)
    noisy = (squares.astype(np.int16) + noise).clip(0, 255).astype(np.uint8)
    for key, pixels in ((_KEPT, squares), (_CODED, noisy)):
        path = folder / "source" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        PIL.Image.fromarray(pixels).save(path)
    archive = str(folder / "archive")
    tenfold("compress", str(folder / "source"), archive, "--quality", str(_QUALITY), "--workers", "0")
    statuses = {row["key"]: row["status"] for row in tenfold("ls", archive, "--json").json()}
    print(statuses)
    assert statuses[_CODED] == "coded"
    return archive


def _run_old(python: Path, address: str, key: str) -> int:
    host = address.removeprefix("http://")
    script = python.with_name("iiif-validate.py")
    options = (
        "-s",
        host,
        "-p",
        "iiif/3",
        "-i",
        key.replace("/", "%2F"),
        "--version",
        "3.0",
        "--level",
        "2",
        "-v",
    )
    said = subprocess.run((python, script, *options), capture_output=True, text=True)
    lines = (said.stdout + said.stderr).splitlines()
    return _judged("iiif-validator", key, lines, [line for line in lines if line.endswith("FAIL")])


def _run_new(python: Path, address: str, key: str) -> int:
    script = python.with_name("iiif-validator")
    options = ("--validation-id", key.replace("/", "%2F"), f"{address}/iiif/3")
    said = subprocess.run((python, script, *options), capture_output=True, text=True, env={"COLUMNS": "200"})
    lines = (said.stdout + said.stderr).splitlines()
    return _judged("iiif-validator-ng", key, lines, [line for line in lines if line.startswith("✗")])


def _judged(name: str, key: str, lines: list[str], failures: list[str]) -> int:
    wrong = [line for line in failures if _AGAINST_THE_STANDARD not in line]
    print(f"{name} of {key}: {counted(len(failures), 'check')} failed, {len(wrong)} that should not have")
    if wrong or not lines:
        print(*lines, sep="\n")
    return len(wrong) or not lines


if __name__ == "__main__":
    sys.exit(main())
