"""docs/reference/ says what the code says, and the code says enough."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

import codec.errors
import pipeline.errors
from codec.training.config import TrainConfig
from jobs.main import app
from pipeline.config import CompressConfig
from tests.docs.markdown import ROOT
from tests.docs.reference import FOLDER, PAGES
from tests.docs.reference.command_line import Verb, exit_code_rows, parameters, verbs
from tests.docs.reference.config import undescribed
from tests.docs.reference.errors import drawn
from tests.test_architecture import MAY_IMPORT


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    page = FOLDER / name
    assert page.exists(), f"no {page}: run `python -m tests.docs.reference`"
    assert page.read_text(encoding="utf-8") == PAGES[name](), (
        f"{page} is stale: run `python -m tests.docs.reference`"
    )


def test_nothing_else_lies_beside_the_pages() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


@pytest.mark.parametrize("verb", list(verbs()), ids=lambda verb: verb.name)
def test_a_verb_and_everything_it_takes_is_explained(verb: Verb) -> None:
    assert verb.function.__doc__
    for parameter in parameters(verb.function):
        assert parameter.words, f"{verb.name} {parameter.names}"


@pytest.mark.parametrize("model", [CompressConfig, TrainConfig])
def test_every_key_of_a_config_is_explained(model: type[BaseModel]) -> None:
    assert undescribed(model) == []


@pytest.mark.parametrize(
    ("base", "opening"),
    [
        (pipeline.errors.TenfoldError, pipeline.errors.__doc__),
        (codec.errors.CodecError, codec.errors.__doc__),
    ],
)
def test_the_tree_at_the_top_of_the_errors_is_that_of_the_classes(
    base: type[Exception], opening: str
) -> None:
    tree = [
        re.split(r"(?<=\w)\s", line)[0]
        for line in opening.splitlines()
        if re.match(r"[├└│]|\w+Error$", line.lstrip())
    ]
    assert tree == drawn(base)


def test_the_page_of_the_architecture_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert [room for room in MAY_IMPORT if f"`{room}`" not in page] == []


def test_help_names_every_exit_code() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).stdout
    for code, name, _ in exit_code_rows():
        assert re.search(rf"\b{code.strip('`')} \w", shown), name
