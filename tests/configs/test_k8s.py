"""The Kubernetes manifests: valid by Kubernetes' and KubeRay's schemas, and what they run is what there is."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from jobs.terminal.exit_codes import FAILED_IMAGES, LOCKED, NO_ARCHIVE, TIME_UP, UNSAFE_STORE, USAGE
from pipeline.compress.delete_policy import parse_policy
from pipeline.config import load_config
from tests.support.road import ROOT, tenfold

K8S = ROOT / "configs" / "k8s"
MANIFESTS = sorted(K8S.glob("*.yaml"))
KUBERNETES = "1.29"
"""The oldest that the manifests are for."""

_GROUP: dict[str, Any] = {
    "rayStartParams": {"type": "object", "additionalProperties": {"type": "string"}},
    "template": {"type": "object"},
}
RAY_JOB: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": "RayJob"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["entrypoint", "rayClusterSpec"],
            "properties": {
                "entrypoint": {"type": "string"},
                "shutdownAfterJobFinishes": {"type": "boolean"},
                "ttlSecondsAfterFinished": {"type": "integer", "minimum": 0},
                "activeDeadlineSeconds": {"type": "integer", "minimum": 1},
                "backoffLimit": {"type": "integer", "minimum": 0},
                "submissionMode": {"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode"]},
                "submitterConfig": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"backoffLimit": {"type": "integer"}},
                },
                "rayClusterSpec": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["headGroupSpec"],
                    "properties": {
                        "rayVersion": {"type": "string"},
                        "headGroupSpec": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["rayStartParams", "template"],
                            "properties": _GROUP,
                        },
                        "workerGroupSpecs": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": [
                                    "groupName",
                                    "minReplicas",
                                    "maxReplicas",
                                    "rayStartParams",
                                    "template",
                                ],
                                "properties": {
                                    "groupName": {"type": "string"},
                                    "replicas": {"type": "integer"},
                                    "minReplicas": {"type": "integer"},
                                    "maxReplicas": {"type": "integer"},
                                    **_GROUP,
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""The fields we use of KubeRay's RayJob, ray.io/v1 (ray-operator/apis/ray/v1/rayjob_types.go, raycluster_types.go)."""


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def pod_templates(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = document["spec"]
    if document["kind"] == "CronJob":
        yield spec["jobTemplate"]["spec"]["template"]
    else:
        yield spec["rayClusterSpec"]["headGroupSpec"]["template"]
        yield from (group["template"] for group in spec["rayClusterSpec"]["workerGroupSpecs"])


def check(document: dict[str, Any]) -> None:
    """Raise unless a cluster would take it."""
    if document["kind"] != "RayJob":
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        return
    jsonschema.validate(document, RAY_JOB)
    for template in pod_templates(document):
        whole = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}
        kubernetes_validate.validate(whole, KUBERNETES, strict=True)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_cluster_would_take_them(path: Path) -> None:
    kinds = []
    for document in documents(path):
        check(document)
        kinds.append(document["kind"])
    assert kinds[0] == "ConfigMap"
    assert kinds[1] in ("CronJob", "RayJob")


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_wrong_field_would_be_seen(path: Path) -> None:
    (work,) = [document for document in documents(path) if document["kind"] != "ConfigMap"]
    container = next(pod_templates(work))["spec"]["containers"][0]
    container["comand"] = ["typo"]
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError), match="comand"):
        check(work)
    del container["comand"]
    work["spec"]["backoffLimits"] = 3
    with pytest.raises(
        (jsonschema.ValidationError, kubernetes_validate.ValidationError), match="backoffLimits"
    ):
        check(work)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_what_they_run_is_there(path: Path, tmp_path: Path) -> None:
    settings, work = documents(path)
    ((name, text),) = settings["data"].items()
    verb = name.removesuffix(".yaml")
    written = tmp_path / name
    written.write_text(text)
    night = load_config(written, {}).nightly
    assert (night is not None) == (verb == "nightly")
    assert night is None or not parse_policy(night.deletes).keeps
    mounted = {
        volume["configMap"]["name"]
        for template in pod_templates(work)
        for volume in template["spec"].get("volumes", [])
        if "configMap" in volume
    }
    assert mounted == {settings["metadata"]["name"]}
    if work["kind"] == "CronJob":
        (container,) = next(pod_templates(work))["spec"]["containers"]
        words = [*container["command"], *container["args"]]
        (final, _) = work["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
        ends = [USAGE, FAILED_IMAGES, NO_ARCHIVE, LOCKED, UNSAFE_STORE, TIME_UP]
        assert final["onExitCodes"]["values"] == ends, "codes after which another attempt changes nothing"
    else:
        words = shlex.split(work["spec"]["entrypoint"])
        versions = (ROOT / "constraints.txt").read_text().splitlines()
        version = work["spec"]["rayClusterSpec"]["rayVersion"]
        assert f"ray=={version}" in versions
        assert f"RAY={version}-" in (K8S / "Dockerfile").read_text()
    assert words[:2] == ["tenfold", verb]
    assert words[words.index("--config") + 1] == f"/etc/tenfold/{name}"
    known = tenfold(words[1], "--help").out
    assert all(word in known for word in words if word.startswith("--"))


def test_the_nightly_config_that_ships() -> None:
    night = load_config(ROOT / "configs" / "nightly.yaml", {}).nightly
    assert night is not None
    parse_policy(night.deletes)
