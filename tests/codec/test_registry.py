"""Families are found where they lie; from an id to a codec, and what is wrong when there is none."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from codec import families as families_package
from codec.contract import DEFAULT_CODEC
from codec.device import resolve_device
from codec.errors import CodecConfigError, UnknownCodecError
from codec.family import Family
from codec.registry import (
    codec_ids,
    config_type,
    families,
    family_of,
    load_codec,
    preset_weights,
    presets,
    recipe_for,
    recipe_type,
)
from codec.training.config import TrainConfig
from codec.weights_file import read_header, weights_bytes

ROOT = Path(__file__).parents[2]
INIT = """
from codec.family import Family

FAMILY = Family(
    id="{id}",
    package=__name__,
    summary="A family that lies where a test put it.",
    source="tests/codec/test_registry.py",
    licence="Apache-2.0",
    experimental={experimental},
    codec="parts:load",
    train_config="parts:NowhereConfig",
    recipe="parts:NowhereRecipe",
    tiny="parts:TINY",
)
"""
PARTS = """
from codec.training.config import TrainConfig

TINY = {"preset": "tiny"}


class NowhereConfig(TrainConfig):
    depth: int = 1


class NowhereRecipe:
    def __init__(self, config, device):
        self.config, self.device = config, device


def load(*, device, own, others):
    return device, own, others
"""


def write_family(folder: Path, *, family_id: str, experimental: bool = False) -> None:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(INIT.format(id=family_id, experimental=experimental))
    (folder / "parts.py").write_text(PARTS)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder beside `codec/families/` in which families are looked for."""
    monkeypatch.setattr(families_package, "__path__", [*families_package.__path__, str(tmp_path)])
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith(f"{families_package.__name__}.test_")]:
        del sys.modules[name]


def test_a_family_is_its_folder_and_nothing_else(shelf: Path) -> None:
    write_family(shelf / "test_nowhere", family_id="nowhere-1")
    assert "nowhere-1" in codec_ids()
    kind = config_type("nowhere-1")
    assert issubclass(kind, TrainConfig)
    assert "depth" in kind.model_fields
    config = kind(family="nowhere-1", preset="a", steps=1)
    recipe = recipe_for(config, torch.device("cpu"))
    assert isinstance(recipe, recipe_type("nowhere-1"))  # type: ignore[arg-type]
    assert load_codec("nowhere-1", device="cpu", encode_with=b"w") == (torch.device("cpu"), b"w", ())  # type: ignore[comparison-overlap]


def test_the_contract_suite_runs_over_every_family_found(tmp_path: Path) -> None:
    write_family(tmp_path / "test_nowhere", family_id="nowhere-1")
    with_folder = (
        f"import sys, pytest; from codec import families; families.__path__.append({str(tmp_path)!r}); "
    )
    collect = "sys.exit(pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider', *sys.argv[1:]]))"
    suites = ("tests/codec/test_contract.py", "tests/codec/training/test_run.py")
    said = run_python(with_folder + collect, *suites).splitlines()
    for suite in suites:
        cases = {
            family: [line for line in said if suite in line and family in line] for family in codec_ids()
        }
        new = [line for line in said if suite in line and "nowhere-1" in line]
        assert len(new) == len(cases[DEFAULT_CODEC]) > 1


def test_an_installed_package_offers_a_family(tmp_path: Path) -> None:
    write_family(tmp_path / "some_package", family_id="far-1")
    facts = tmp_path / "some_package-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: some-package\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[tenfold.families]\nfar = some_package:FAMILY\n")
    listed = (
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        "from codec.registry import codec_ids\n"
        "from codec.registry import offered_by\n"
        "try: print('far-1' in codec_ids(), offered_by('far-1'), [offered_by('hyper-1')])\n"
        "except Exception as error: print(error)"
    )
    assert "True some-package 1.0 ['']" in run_python(listed)
    (facts / "entry_points.txt").write_text("[tenfold.families]\nfar = some_package:GONE\n")
    assert "some_package:GONE (entry point far of some-package)" in run_python(listed)


def test_two_families_with_one_id_are_named(shelf: Path) -> None:
    write_family(shelf / "test_one", family_id="same-1")
    write_family(shelf / "test_two", family_id="same-1")
    with pytest.raises(CodecConfigError, match=r"'same-1' twice: at .*families\.test_one and at .*test_two"):
        families()


def test_a_folder_without_a_family_is_named(shelf: Path) -> None:
    (shelf / "test_empty").mkdir()
    (shelf / "test_empty" / "__init__.py").write_text("")
    with pytest.raises(
        CodecConfigError, match=r"expected FAMILY, .* at .*families\.test_empty, got NoneType"
    ):
        families()


@pytest.mark.parametrize("family_id", ["", "Upper-1", "with space", "zoo/model", "a--b"])
def test_an_id_is_lower_case_words(family_id: str, shelf: Path) -> None:
    write_family(shelf / "test_odd", family_id=family_id)
    with pytest.raises(ValueError, match="expected a family's id of lower-case words"):
        families()


def test_the_default_comes_first_and_experiments_last(shelf: Path) -> None:
    write_family(shelf / "test_early", family_id="a-1", experimental=True)
    write_family(shelf / "test_late", family_id="z-1")
    ids = codec_ids()
    assert ids[0] == DEFAULT_CODEC
    assert ids.index("z-1") < ids.index("a-1")
    is_experiment = [family_of(one).experimental for one in ids]
    assert is_experiment == sorted(is_experiment)


def test_listing_families_and_their_configs_loads_no_heavy_library() -> None:
    listed = (
        "import sys, pipeline.config, codec.train_config\n"
        "from codec.registry import config_type, families\n"
        "for name, family in families().items(): config_type(name), family.part(family.tiny)\n"
        "print(sorted({'torch', 'zfpy', 'constriction', 'PIL', 'ray'} & set(sys.modules)))"
    )
    assert run_python(listed).strip() == "[]"


def test_unknown_ids_list_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(
        UnknownCodecError, match=r"expected a codec of hyper-1, ae-zfp-1, or an exp.*all\); got 'jpeg2000'$"
    ):
        load_codec("jpeg2000")
    with pytest.raises(UnknownCodecError, match=rf"did you mean {DEFAULT_CODEC}\?"):
        family_of(f"{DEFAULT_CODEC}0")


@pytest.mark.parametrize("family_id", codec_ids())
def test_every_family_says_what_it_is(family_id: str) -> None:
    family = family_of(family_id)
    assert family.summary.endswith(".")
    assert family.source
    assert family.licence


@pytest.mark.parametrize("family_id", codec_ids())
def test_every_family_ships_presets_and_knows_what_they_cost(family_id: str) -> None:
    family = family_of(family_id)
    assert presets(family_id)
    for name in presets(family_id):
        cost = family.cost_of(read_header(family.weights_path(name)))
        assert cost is not None
        assert 0 < cost.parameters * 2 < len(preset_weights(family_id, name)) * 1.1
        costs = cost.encode_kmac_per_pixel, cost.decode_kmac_per_pixel
        assert min(costs) >= 0  # a side may be an ordinary codec alone
        assert max(costs) > 0


def test_a_preset_that_does_not_ship_is_refused_with_those_that_do() -> None:
    with pytest.raises(
        CodecConfigError, match=r"a preset of ae-zfp-1, one of 10x, .*; got '61x'; did you mean 60x\?"
    ):
        preset_weights("ae-zfp-1", "61x")


def test_a_family_of_another_package_ships_its_weights_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_family(tmp_path / "lone_package", family_id="lone-1")
    monkeypatch.syspath_prepend(tmp_path)
    shipped = tmp_path / "lone_package" / "shipped"
    shipped.mkdir()
    (shipped / "first.safetensors").write_bytes(weights_bytes("{}", {"a.weight": torch.zeros(2, 3)}))
    family: Family = importlib.import_module("lone_package").FAMILY
    assert (family.in_tree, family.shipped) == (False, shipped)
    assert read_header(shipped / "first.safetensors").shapes == {"a.weight": (2, 3)}
    assert family.cost_of(read_header(shipped / "first.safetensors")) is None


@pytest.mark.parametrize("device", ["tpu", "", "mps", "cuda:x"])
def test_devices_that_are_none_are_refused(device: str) -> None:
    with pytest.raises(CodecConfigError, match="expected device auto, cpu, cuda or cuda:n"):
        resolve_device(device)


def test_a_gpu_that_is_not_here_is_refused() -> None:
    with pytest.raises(CodecConfigError, match="is not here: torch sees"):
        resolve_device("cuda:31")


def test_auto_is_a_device_that_exists() -> None:
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def run_python(program: str, *arguments: str) -> str:
    """What a program of its own process says."""
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    return ran.stdout
