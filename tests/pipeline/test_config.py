"""Configuration: files overlaid by options, and typos that end before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.options import read_config
from pipeline.config import CompressConfig
from pipeline.config_file import load_config
from pipeline.errors import ConfigError

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def written(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_file_means_the_defaults() -> None:
    assert load_config(None, {}) == CompressConfig()


def test_options_lie_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "codec: {quality: 10}\nworkers: {count: 3, batch_megapixels: 2}\n")
    config = read_config(path, workers=0)
    assert (config.workers.count, config.workers.batch_megapixels, config.codec.quality) == (0, 2, 10)


def test_a_target_on_the_command_line_replaces_the_files_target(tmp_path: Path) -> None:
    config = read_config(written(tmp_path, "codec: {quality: 10}\n"), codec={"ratio": 100})
    assert (config.codec.quality, config.codec.ratio) == (None, 100)
    assert config.codec.target_bpp == pytest.approx(0.24)


@pytest.mark.parametrize(
    ("codec", "floor_db"),
    [
        ({}, 30.0),
        ({"bpp": 1.0}, None),
        ({"id": "sketch-1"}, None),
        ({"id": "sketch-1", "min_psnr_db": 20}, 20.0),
    ],
    ids=str,
)
def test_a_floor_that_nobody_asked_for_holds_where_no_target_is_named_and_pictures_are_near(
    codec: dict[str, object], floor_db: float | None
) -> None:
    assert load_config(None, {"codec": codec}).codec.min_psnr_db == floor_db


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "workers: {cuont: 3}", r"unknown key `workers.cuont`; did you mean `count`\?", id="typo"
        ),
        pytest.param("codecs: {}", r"unknown key `codecs`; did you mean `codec`\?", id="section typo"),
        pytest.param(
            "codec: {zzz: 1}",
            r"expected one of bpp, effort, id, importance, min_ms_ssim, min_psnr_db, quality, ratio, weights",
            id="nothing near",
        ),
        pytest.param("codec: {quality: 99}", r"`codec.quality`: .*less than 64, got 99", id="out of range"),
        pytest.param(
            "codec: {quality: 9, bpp: 1}", "at most one of quality, ratio and bpp", id="two targets"
        ),
        pytest.param(
            "- a list", r"Expected sections like `codec:` in .*run.yaml, got list", id="not a mapping"
        ),
        pytest.param("a: [", r"Expected YAML in .*run.yaml", id="not yaml"),
        pytest.param("storage: {secret: x}", r"unknown key `storage.secret`", id="secrets have no place"),
        pytest.param("source_storage: {endpont_url: x}", "did you mean `endpoint_url`", id="nested optional"),
    ],
)
def test_wrong_files_say_what_and_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, text), {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.yaml, got: No such file"):
        load_config(tmp_path / "nothing.yaml", {})


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_configs_are_valid(path: Path) -> None:
    assert isinstance(load_config(path, {}), CompressConfig)
