"""The Kubernetes manifests: valid by Kubernetes' and KubeRay's schemas, and what they run is what there is."""

from __future__ import annotations

import importlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from jobs.serve_app import ServeArguments
from jobs.terminal.exit_codes import FAILED_IMAGES, LOCKED, NO_ARCHIVE, TIME_UP, UNSAFE_STORE, USAGE
from pipeline.compress.delete_policy import parse_policy
from pipeline.config_file import load_config
from tests.support.road import ROOT, tenfold

K8S = ROOT / "configs" / "k8s"
MANIFESTS = sorted(K8S.glob("*.yaml"))
SERVICE = K8S / "rayservice.yaml"
RUNS = [path for path in MANIFESTS if path != SERVICE]
KUBERNETES = "1.29"
"""The oldest that the manifests are for."""

_GROUP: dict[str, Any] = {
    "rayStartParams": {"type": "object", "additionalProperties": {"type": "string"}},
    "template": {"type": "object"},
}
_CLUSTER: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["headGroupSpec"],
    "properties": {
        "rayVersion": {"type": "string"},
        "enableInTreeAutoscaling": {"type": "boolean"},
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
                "required": ["groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"],
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
}


def _resource(kind: str, required: list[str], spec: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "apiVersion": {"const": "ray.io/v1"},
        "kind": {"const": kind},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": required,
            "properties": spec,
        },
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


KUBERAY: dict[str, dict[str, Any]] = {
    "RayJob": _resource(
        "RayJob",
        ["entrypoint", "rayClusterSpec"],
        {
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
            "rayClusterSpec": _CLUSTER,
        },
    ),
    "RayService": _resource(
        "RayService",
        ["serveConfigV2", "rayClusterConfig"],
        {"serveConfigV2": {"type": "string"}, "rayClusterConfig": _CLUSTER},
    ),
}
"""The fields we use of KubeRay's kinds, ray.io/v1 (ray-operator/apis/ray/v1: rayjob_types.go, rayservice_types.go,
raycluster_types.go)."""


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def pod_templates(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    spec = document["spec"]
    if document["kind"] == "CronJob":
        yield spec["jobTemplate"]["spec"]["template"]
    else:
        cluster = spec["rayClusterConfig" if document["kind"] == "RayService" else "rayClusterSpec"]
        yield cluster["headGroupSpec"]["template"]
        yield from (group["template"] for group in cluster["workerGroupSpecs"])


def check(document: dict[str, Any]) -> None:
    """Raise unless a cluster would take it."""
    if document["kind"] not in KUBERAY:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        return
    jsonschema.validate(document, KUBERAY[document["kind"]])
    for template in pod_templates(document):
        whole = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}
        kubernetes_validate.validate(whole, KUBERNETES, strict=True)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_cluster_would_take_them(path: Path) -> None:
    kinds = []
    for document in documents(path):
        check(document)
        kinds.append(document["kind"])
    assert kinds in (["ConfigMap", "CronJob"], ["ConfigMap", "RayJob"], ["RayService"])


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


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
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
    help_text = tenfold(words[1], "--help").out
    assert all(word in help_text for word in words if word.startswith("--"))


def test_what_the_service_serves_has_room() -> None:
    (work,) = documents(SERVICE)
    (served,) = yaml.safe_load(work["spec"]["serveConfigV2"])["applications"]
    module, _, name = served["import_path"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    arguments = ServeArguments.model_validate(served["args"])
    cluster = work["spec"]["rayClusterConfig"]
    assert f"ray=={cluster['rayVersion']}" in (ROOT / "constraints.txt").read_text().splitlines()
    (group,) = cluster["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    cpus = int(container["resources"]["requests"]["cpu"])
    assert cpus >= arguments.web + arguments.decoder_cpus, "one worker is enough to begin"
    assert cpus * group["maxReplicas"] >= arguments.web + arguments.decoder_cpus * arguments.max_decoders


def test_the_nightly_config_that_ships() -> None:
    night = load_config(ROOT / "configs" / "nightly.yaml", {}).nightly
    assert night is not None
    parse_policy(night.deletes)
