"""What a verb does not need is not loaded: a command that only looks something up is there at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from PIL import Image

from jobs.main import VERBS
from tests.docs.reference.command_line import first_sentence, verbs
from tests.support.image_archives import fill
from tests.support.road import ROOT
from tests.support.shard_rows import make_row

_HEAVY: Final = ("torch", "ray", "pandas", "pytorch_optimizer", "scipy", "fsspec", "botocore", "matplotlib")
_HEAVIER: Final = ("torch._dynamo", "sympy")
"""PyTorch's compiler, which some of its functions bring."""
_OF_ROWS: Final = "pyarrow.parquet"
"""Who asks for no rows of a catalogue, or for some of them by SQL, does without."""
_ARE_THEIR_LIBRARIES: Final = ("adapt", "bench", "train")
"""Verbs that cannot say what they take without the libraries that they are about."""
_LOADED: Final = """
import json, sys
from typer.testing import CliRunner
import jobs.main
for words in json.loads(sys.argv[1]):
    if words[-1] == "--help":
        jobs.main.load_verb(words[0])
    else:
        assert CliRunner().invoke(jobs.main.app, words).exit_code == 0, words
    print(json.dumps([name for name in json.loads(sys.argv[2]) if name in sys.modules]))
"""
"""Runs one command line after the other in one process, and prints which libraries are there after each. For the help
of a verb its file is loaded, and nothing is drawn."""


def test_help_says_of_a_verb_what_its_docstring_begins_with() -> None:
    said = {verb.name: first_sentence(verb) for verb in verbs() if " " not in verb.name}
    assert {name: VERBS[name] for name in said} == said


def test_only_what_is_needed_is_loaded(tmp_path: Path) -> None:
    fill(str(tmp_path / "archive"), [make_row("a.png", b"payload")])
    Image.new("RGB", (64, 48), "teal").save(tmp_path / "teal.png")
    looks = [
        ["-h"],
        ["codecs"],
        ["--version"],
        ["history", "archive"],
        ["diff", "archive", "0", "1"],
        ["ls", "archive"],
    ]
    of_rows = looks.index(["ls", "archive"])
    looks += [[name, "--help"] for name in VERBS if name not in _ARE_THEIR_LIBRARIES]
    compress = ["compress", "teal.png", "new", "--quality", "20"]
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            _LOADED,
            json.dumps([*looks, compress]),
            json.dumps([*_HEAVY, *_HEAVIER, _OF_ROWS]),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    *looking, compressing = map(json.loads, ran.stdout.splitlines())
    allowed = [[] if number < of_rows else [_OF_ROWS] for number in range(len(looks))]
    assert list(zip(looks, looking, strict=True)) == list(zip(looks, allowed, strict=True))
    assert set(compressing) <= {"torch", "pandas", _OF_ROWS}, (
        "one image needs no Ray, and a model that is loaded no compiler"
    )
