"""Storage options: the shipped ones, those of the environment, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.errors import StorageError
from pipeline.store.options import StorageOptions
from pipeline.store.storage import Storage


def test_the_shipped_s3_configuration_is_valid() -> None:
    shipped = yaml.safe_load((Path(__file__).parents[3] / "configs" / "s3.yaml").read_text(encoding="utf-8"))
    assert set(StorageOptions.model_fields) == set(shipped["storage"])
    assert StorageOptions.model_validate(shipped["storage"]) == StorageOptions()


def test_options_hold_no_unknown_field() -> None:
    with pytest.raises(ValueError, match="secret"):
        StorageOptions.model_validate({"secret": "x"})


def test_options_take_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_S3_ADDRESSING_STYLE", "virtual")
    resolved = Storage("s3://b/x").options
    assert resolved.endpoint_url == "http://127.0.0.1:1"
    assert resolved.region == "eu-west-1"
    assert resolved.addressing_style == "virtual"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    resolved = StorageOptions(addressing_style="path").resolved()
    assert (resolved.endpoint_url, resolved.region, resolved.addressing_style) == (
        "http://127.0.0.1:2",
        "eu-west-2",
        "path",
    )
    assert StorageOptions(endpoint_url="http://h", region="r").resolved().endpoint_url == "http://h"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AWS_S3_ADDRESSING_STYLE", "dns", "Expected auto, path or virtual, got 'dns'"),
        ("AWS_ENDPOINT_URL", "127.0.0.1:9000", "Expected an endpoint like https://host:port"),
        ("AWS_ENDPOINT_URL", "http://host:port", "Expected an endpoint like https://host:port"),
        ("AWS_ENDPOINT_URL", "http://me:hunter2@host:1", r"got 'http://\*\*\*@host:1'"),
    ],
)
def test_a_wrong_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(StorageError, match=message) as caught:
        Storage("s3://b/x")
    assert "hunter2" not in str(caught.value)
