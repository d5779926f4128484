"""Tenfold as a user installs it: sdist, wheel, a virtualenv of its own, beside packages of other people."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DECOYS: Final = ("codec", "pipeline", "jobs")
"""Names of rooms in the checkout, which in site-packages are those of other packages."""
_BUILD: Final = """
import sys, zlib
import build_backend

pack = zlib.compressobj
zlib.compressobj = lambda level, *more: pack(0, *more)  # what is unpacked at once need not be small
getattr(build_backend, sys.argv[1])(sys.argv[2])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A virtualenv with Tenfold's wheel in it, and the libraries of the one that runs the tests."""

    sdist: Path
    wheel: Path
    bin: Path
    site_packages: Path
    came: frozenset[str]
    """What the install put into site-packages, names at its top."""

    def start(
        self, *words: str | Path, cwd: Path, env: dict[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a program of the virtualenv, by its name, in a folder that is not the checkout."""
        return subprocess.Popen(
            [self.bin / words[0], *map(str, words[1:])],
            cwd=cwd,
            env={**_without_python_path(), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str | Path, cwd: Path) -> str:
        """What a program of the virtualenv prints; it must succeed."""
        process = self.start(*words, cwd=cwd)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err + out
        return out


def install(folder: Path) -> Installed:
    """Build an sdist of the checkout, from it a wheel, and install that beside the decoys."""
    _run(sys.executable, "-c", _BUILD, "build_sdist", str(folder))
    (sdist,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(sdist, folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    _run(sys.executable, "-c", _BUILD, "build_wheel", str(folder), cwd=unpacked)
    (wheel,) = folder.glob("*.whl")
    home = folder / "venv"
    venv.create(home, symlinks=True)
    paths = sysconfig.get_paths("venv", vars={"base": str(home), "platbase": str(home)})
    site_packages = Path(paths["purelib"])
    _add_libraries(site_packages)
    for name in DECOYS:
        (site_packages / name).mkdir()
        (site_packages / name / "__init__.py").write_text(f"raise ImportError('this is another {name}')\n")
    before = _names(site_packages)
    bin_folder = Path(paths["scripts"])
    own_python = ("--python", str(bin_folder / "python"))
    _pip(*own_python, "install", "--no-deps", "--no-index", "--no-compile", str(wheel))
    return Installed(
        sdist=sdist,
        wheel=wheel,
        bin=bin_folder,
        site_packages=site_packages,
        came=_names(site_packages) - before,
    )


def _names(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir())


def _add_libraries(site_packages: Path) -> None:
    """Let a virtualenv import the libraries that the tests run with; not its editable installs."""
    here = sysconfig.get_paths()
    lines = sorted({here["purelib"], here["platlib"]})
    (site_packages / "libraries.pth").write_text("\n".join(lines) + "\n")


def _pip(*words: str) -> None:
    _run(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words)


def _run(*words: str, cwd: Path = ROOT) -> None:
    ran = subprocess.run(words, cwd=cwd, env=_without_python_path(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr + ran.stdout


def _without_python_path() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
