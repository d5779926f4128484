"""`tenfold submit` on a real Ray cluster with its job server, on loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.own_code import VERSION
from tests.support.installed import Installed
from tests.support.road import start_tenfold, tenfold

pytestmark = pytest.mark.ray
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
"""Clusters ask for a token by default since Ray 2.60."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A one-node Ray cluster of its own; yields the address of its job server."""
    dashboard = _free_port()
    bin_folder = str(Path(sys.executable).parent)
    node = subprocess.Popen(
        [
            *(f"{bin_folder}/ray", "start", "--head", "--block", "--num-cpus=2", "--disable-usage-stats"),
            *("--node-ip-address=127.0.0.1", f"--port={_free_port()}", "--include-dashboard=true"),
            *(
                "--dashboard-host=127.0.0.1",
                f"--dashboard-port={dashboard}",
                f"--dashboard-agent-listen-port={_free_port()}",  # another Ray on this machine may hold the usual one
                "--object-store-memory=134217728",
            ),
        ],
        env={**os.environ, **TOKEN, "PATH": f"{bin_folder}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{dashboard}"
    try:
        _wait_for(f"{address}/api/version", node)
        yield address
    finally:
        node.terminate()
        node.wait(timeout=60)


def _wait_for(url: str, node: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        assert node.poll() is None, "the Ray node ended while starting"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return  # it answers: Ray wants a token, which its client has
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(f"no job server at {url}")


def test_an_install_submits_its_own_code(
    cluster: str, installed: Installed, small_photos: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text("codec: {quality: 20}\nworkers: {count: 1}\n")
    own_code = installed.site_packages / "tenfold" / "pipeline" / "own_code.py"
    as_installed = own_code.read_text()
    own_code.write_text(as_installed.replace(VERSION, "0.0.1.elsewhere"))
    try:
        words = ("compress", small_photos / "kodim03.png", tmp_path / "archive", "--config", config, "--json")
        process = installed.start("tenfold", "submit", "--address", cluster, *words, cwd=tmp_path, env=TOKEN)
        out, err = process.communicate(timeout=240)
    finally:
        own_code.write_text(as_installed)
    assert process.returncode == 0, err + out
    assert "Submitted raysubmit_" in err
    assert '"coded": 1' in out
    (row,) = tenfold("ls", tmp_path / "archive", "--json").json()
    assert row["quality"] == 20
    (record,) = (tmp_path / "archive" / "runs").glob("*/run.json")
    assert json.loads(record.read_text())["packages"]["tenfold"] == "0.0.1.elsewhere"


def test_the_code_of_the_verb_comes_back(cluster: str, tmp_path: Path) -> None:
    process = start_tenfold(
        "submit", "--address", cluster, "report", tmp_path / "none", "--out", tmp_path / "out", env=TOKEN
    )
    out, err = process.communicate(timeout=240)
    assert process.returncode == 10
    assert "Expected a Tenfold archive" in out + err


def test_a_cluster_that_does_not_let_us_in(cluster: str) -> None:
    ran = tenfold("submit", "--address", cluster, "compress", "/a", "/b")
    assert ran.code == 1, ran.out
    assert "to let us in" in ran.err
    assert "RAY_AUTH_TOKEN" in ran.err


def test_no_cluster_there() -> None:
    ran = tenfold("submit", "--address", f"http://127.0.0.1:{_free_port()}", "compress", "/a", "/b")
    assert ran.code == 1
    assert "Expected a Ray cluster's job server" in ran.err
