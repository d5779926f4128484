"""pyproject.toml, constraints.txt and the code say the same."""

from __future__ import annotations

import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.own_code import VERSION
from tests.support.installed import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_code_knows_its_version() -> None:
    assert PROJECT["version"] == VERSION


def test_what_make_installs_is_what_users_may_run() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.partition("==") for line in lines if not line.startswith("#")]
    pinned = {canonicalize_name(name): version for name, _, version in pins}
    extras = PROJECT["optional-dependencies"]
    for text in (*PROJECT["dependencies"], *(text for extra in extras.values() for text in extra)):
        asked = Requirement(text)
        version = pinned.get(canonicalize_name(asked.name))
        assert version is not None, f"constraints.txt pins no {asked.name}"
        assert asked.specifier.contains(version), f"{text} excludes {version} of constraints.txt"
