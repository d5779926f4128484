"""The blocks of README.md, the guides and the archive's format run as they stand.

Every page gets a folder of its own with `photos/` (two small crops) and `archive/`, which was made of them. Its blocks
run in it, one after the other. Verbs that take `--workers` run in this process; `report` compares with other codecs,
which is slow, only where a block says `--sample`. A line that ends in a comment with `exits 3` must exit so, any other
must exit 0. A block that cannot run says why in a comment right above it: `<!-- not run: needs a bucket -->`.
docs/extending.md has a test of its own.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image as PillowImage

from pipeline.config_file import load_config
from tests.docs.markdown import ROOT, Block, blocks, name_of
from tests.docs.reference.command_line import parameters, verbs
from tests.support.road import tenfold

GUIDES: Final = sorted((ROOT / "docs" / "guide").glob("*.md"))
PAGES: Final = [ROOT / "README.md", *GUIDES, ROOT / "docs" / "formats" / "archive.md"]
MAKES_ITS_ARCHIVE: Final = ROOT / "docs" / "guide" / "compress.md"
"""The page whose first command has no archive to add to."""
SHOWN_ONLY: Final = {"", "text", "json"}
"""Languages of blocks that show something and are not to be run."""
RUN: Final = {"sh", "python", "yaml"}
_WORKERS: Final = {
    verb.name
    for verb in verbs()
    if any(one.names.startswith("`--workers`") for one in parameters(verb.function)) and verb.name != "train"
}
_EXITS: Final = re.compile(r"\s+#\s.*?\bexits (\d+)\b.*$")
_CROPS: Final = {
    "holiday/beach.jpg": ("kodim03.png", (64, 64, 192, 192)),
    "garden.png": ("kodim07.png", (300, 200, 428, 328)),
}


def _make_photos(folder: Path, photos: Path) -> None:
    for name, (photo, box) in _CROPS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with PillowImage.open(photos / photo) as opened:
            opened.crop(box).save(folder / name)


@pytest.fixture(scope="module")
def begun(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos/`, and `archive/` made of them."""
    folder = tmp_path_factory.mktemp("begun")
    _make_photos(folder / "photos", photos)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = tenfold("compress", "photos/", "archive/", "--workers", "0")
    assert made.code == 0, made.err
    return folder


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_blocks_of_a_page_run(
    page: Path, begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(begun / "photos", tmp_path / "photos")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    if page != MAKES_ITS_ARCHIVE:
        shutil.copytree(begun / "archive", tmp_path / "archive")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "example"}
    for block in blocks(page):
        if block.language in RUN and block.not_run is None:
            _run(block, f"{name_of(page)}:{block.line}", names)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_run_or_says_why_not(page: Path) -> None:
    unknown = [
        f"{name_of(page)}:{block.line}: a block of {block.language!r} is not run; say why right above it"
        for block in blocks(page)
        if block.language not in SHOWN_ONLY | RUN and block.not_run is None
    ]
    assert not unknown, "\n".join(unknown)


def _run(block: Block, where: str, names: dict[str, Any]) -> None:
    if block.language == "python":
        code = compile(block.text, where, "exec")
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # of libraries that the example shows, not ours
            exec(code, names)
    elif block.language == "yaml":
        path = Path("told.yaml")
        path.write_text(block.text, encoding="utf-8")
        load_config(path, {})
    else:
        for line in _commands(block.text):
            _run_line(line, where)


def _commands(text: str) -> Iterator[str]:
    """The commands of a shell block: lines joined where they end in a backslash, without those that only comment."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def _run_line(line: str, where: str) -> None:
    exits = _EXITS.search(line)
    expected = int(exits[1]) if exits else 0
    command = line[: exits.start()] if exits else line
    words = shlex.split(command, comments=True)
    if words[0] == "tenfold" and not re.search(r"[|&;><$*]", re.sub(r"'[^']*'|\"[^\"$]*\"|#.*", "", command)):
        code, said = _run_verb(words[1:])
    else:
        code, said = _run_shell(command)
    assert code == expected, f"{where}: `{line.strip()}` exited {code}, not {expected}:\n{said}"


def _run_verb(words: list[str]) -> tuple[int, str]:
    if words[0] in _WORKERS and "--workers" not in words:
        words = [*words, "--workers", "0"]
    if words[0] == "report" and "--sample" not in words:
        words = [*words, "--sample", "0"]
    ran = tenfold(*words)
    return ran.code, ran.out + ran.err


def _run_shell(command: str) -> tuple[int, str]:
    """Any other command, by bash; `tenfold` in it is this checkout's."""
    ours = f'tenfold() {{ {shlex.quote(sys.executable)} -m tenfold "$@"; }}\n'
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    ran = subprocess.run(
        ["bash", "-c", ours + command],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout
