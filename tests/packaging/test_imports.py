"""Imports written as an install has them."""

from __future__ import annotations

import pytest

from build_backend.imports import UnmovableError, moved
from build_backend.one_name import NAME, ROOMS, house_modules
from tests.support.installed import ROOT

MODULES = {"codec", "codec.tiles", "pipeline", "pipeline.store", "pipeline.store.urls"}


def _moved(source: str) -> str:
    return moved(source.encode(), below="tenfold", modules=MODULES, where="a.py").decode()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from codec.tiles import cut, join", "from tenfold.codec.tiles import cut, join"),
        ("from codec import tiles as t", "from tenfold.codec import tiles as t"),
        ("import pipeline.store.urls as urls, os", "import tenfold.pipeline.store.urls as urls, os"),
        (
            "import os, codec as c; from codec import tiles",
            "import os, tenfold.codec as c; from tenfold.codec import tiles",
        ),
        ("s = 'é'; from codec import tiles", "s = 'é'; from tenfold.codec import tiles"),
        (
            "if TYPE_CHECKING:\n    from codec import (\n        tiles,\n    )\n",
            "if TYPE_CHECKING:\n    from tenfold.codec import (\n        tiles,\n    )\n",
        ),
        (
            "def f():\n\tfrom pipeline.store import urls\n",
            "def f():\n\tfrom tenfold.pipeline.store import urls\n",
        ),
    ],
)
def test_imports_of_what_moves_say_the_longer_name(source: str, expected: str) -> None:
    assert _moved(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "import codecs\nfrom codecs import open",
        "from codec_tools import tiles\nfrom tenfold.codec import tiles",
        "from .codec import tiles\nfrom . import codec",
        '"""Text: from codec.tiles import cut."""\nx = "from codec import tiles"  # from codec import tiles',
        "a = 'codec'; b = f'{a}.tiles'; codec.tiles = 'tiles.codec'\r\n",
    ],
)
def test_all_else_stays_to_the_byte(source: str) -> None:
    assert _moved(source) == source


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("\nimport codec.tiles", r"a\.py:2: .*`import codec\.tiles as NAME`"),
        ("from codec.tiles import cut\nimport pipeline", r"a\.py:2: .*`import pipeline as NAME`"),
        ("from \\\n  codec import tiles", r"a\.py:1: expected `from codec import` on one line"),
        ("x = import_module('pipeline.store')", r"a\.py:1: .*the string 'pipeline\.store'"),
        ("x = import_module(f'pipeline.store.{name}')", r"a\.py:1: .*the string 'pipeline\.store\.'"),
    ],
)
def test_what_would_not_be_true_below_another_package_is_refused(source: str, message: str) -> None:
    with pytest.raises(UnmovableError, match=message):
        _moved(source)


def test_every_file_of_the_house_can_be_moved() -> None:
    modules = house_modules(ROOT)
    for room in (NAME, *ROOMS):
        for path in (ROOT / room).rglob("*.py"):
            where = path.relative_to(ROOT).as_posix()
            moved(path.read_bytes(), below=NAME, modules=modules, where=where)
