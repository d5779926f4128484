"""A codec in another virtualenv, where another version of torch is installed: `make other-torch`.

This file is both ends: the class, in the tests' process, and what it starts there, which takes calls from stdin,
pickled, and answers on stdout until stdin ends.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from codec.codec import Decoded
from codec.contract import RGB, Encoded, EncodeOptions
from codec.registry import load_codec

PYTHON: Final = os.environ.get("TENFOLD_OTHER_PYTHON")
"""The interpreter of the other virtualenv."""
_ROOT: Final = Path(__file__).parents[2]


class OtherTorchCodec:
    """A family's shipped codec, on the CPU, over there: as much of the contract as tests between two machines need."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._calls, self._answers = process.stdin, process.stdout

    def encode(self, images: Sequence[RGB], options: EncodeOptions) -> list[Encoded]:
        """As the contract says."""
        encoded: list[Encoded] = self._call("encode", images, options)
        return encoded

    def decode(self, payloads: Sequence[bytes]) -> list[Decoded]:
        """As the contract says."""
        images: list[Decoded] = self._call("decode", payloads)
        return images

    def _call(self, method: str, *values: object, **named: object) -> Any:
        pickle.dump((method, values, named), self._calls)
        self._calls.flush()
        return pickle.load(self._answers)


@contextmanager
def other_torch_codec(family: str) -> Iterator[OtherTorchCodec]:
    """Load a family's shipped codec over there, and let it go at the end."""
    if PYTHON is None:
        raise ValueError("expected TENFOLD_OTHER_PYTHON to name an interpreter: `make other-torch` sets it")
    command = [PYTHON, "-m", "tests.support.other_torch", family]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield OtherTorchCodec(process)


def _serve(family: str) -> None:
    codec = load_codec(family, device="cpu")
    while True:
        try:
            method, values, named = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(getattr(codec, method)(*values, **named), sys.stdout.buffer)
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
