"""The family of docs/extending.md is found, trains and keeps the contract: its files alone are added to a checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, blocks

PAGE = ROOT / "docs" / "extending.md"
_NAMED = re.compile(r"# (\S+\.(?:py|yaml))\n")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the codec and its tests, with the files of the page."""
    folder = tmp_path_factory.mktemp("checkout")
    skipped = shutil.ignore_patterns("__pycache__", "archives")
    for part in ("codec", "configs/train", "tests/codec", "tests/golden", "tests/photos", "tests/support"):
        shutil.copytree(ROOT / part, folder / part, ignore=skipped)
    for file in ("pyproject.toml", "tests/__init__.py"):
        shutil.copy(ROOT / file, folder / file)
    for name, text in page_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        assert not (folder / name).exists()
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def page_files() -> dict[str, str]:
    """The files that the page shows, by the path in their first line."""
    found = {}
    for block in blocks(PAGE):
        if named := _NAMED.match(block.text):
            found[named[1]] = block.text[named.end() :] + "\n"
    return found


def test_a_family_is_one_folder_and_one_config() -> None:
    folders = {Path(name).parent.as_posix() for name in page_files()}
    assert folders == {"codec/families/block_transform", "configs/train"}


@pytest.mark.timeout(900)
def test_the_family_trains_and_keeps_the_contract(checkout: Path) -> None:
    commands = [block.text for block in blocks(PAGE) if block.language == "shell"]
    assert len(commands) == 2
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(checkout)}
    said = [
        subprocess.run(
            ["bash", "-euc", command],
            cwd=checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        for command in commands
    ]
    for ran in said:
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "block-1: q0, q31.5, q63" in said[0].stdout
    assert re.search(r"\d\d passed", said[1].stdout)


def test_the_files_are_formatted_and_sound(checkout: Path) -> None:
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "codec/families/block_transform"]
        ran = subprocess.run(ruff, cwd=checkout, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
