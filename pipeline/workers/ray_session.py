"""Ray in the process that drives it: joined or started, watched, and left again."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import ray
import torch

from codec.cpus import usable_cpus
from pipeline.config import WorkersConfig
from pipeline.errors import ConfigError
from pipeline.stuck_calls import returns_in_time
from pipeline.workers.lifeline import Lifeline, RayProcess
from pipeline.workers.ray_address import check_address, split_address
from pipeline.workers.ray_import_path import job_config

_CLOSE_TIMEOUT_S: Final = 10.0
"""Leaving takes two seconds, or for ever where a process of Ray is gone or mute."""
_QUIET: Final = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_TQDM_PATCH_PRINT": "0",
}
_OWN: Final = {"RAY_enable_open_telemetry": "0", "RAY_prestart_worker_first_driver": "0"}
"""For a cluster that is started here. Nobody reads its metrics, and a thread that exports them would outlive it: who
runs several jobs from one process would gather such threads. And it need not start a process for every core ahead of
the actors, which have an environment of their own and cannot use them."""


class RaySession:
    """This process's part in a cluster."""

    def __init__(self, config: WorkersConfig) -> None:
        """Join a cluster or start Ray here, unless Ray runs in this process already.

        Raises:
            ConfigError: no cluster at the address, or this process is in another one.
            TenfoldError: this process is in a cluster that is gone.
        """
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            _connect(config)
        else:
            _check_is_the_one(config.ray_address)
        self.starts_here = self._is_ours and config.cluster is None
        """Whether this Ray is there for this session alone."""
        self.lifeline = Lifeline(_processes(starts_here=self.starts_here))

    def close(self, actors: Sequence[Any] = ()) -> None:
        """End actors, and Ray in this process if it came with this session. Returns though Ray may not."""
        leave = partial(self._leave, actors)
        if not returns_in_time(leave, timeout_s=_CLOSE_TIMEOUT_S, name="leave ray"):
            atexit.unregister(ray.shutdown)  # it would wait, too

    def _leave(self, actors: Sequence[Any]) -> None:
        for actor in actors:
            ray.kill(actor, no_restart=True)
        if self._is_ours:
            ray.shutdown()


def cluster_words(config: WorkersConfig) -> str:
    """What the cluster has, for a person.

    Raises:
        ConfigError: it cannot be reached.
    """
    session = RaySession(config)
    try:
        resources = ray.cluster_resources()
        alive = sum(bool(node["Alive"]) for node in ray.nodes())
        return f"{alive} nodes, {resources.get('CPU', 0):g} CPUs, {resources.get('GPU', 0):g} GPUs"
    finally:
        session.close()


def _connect(config: WorkersConfig) -> None:
    _set_unless_set(_QUIET)
    address = config.cluster
    common: dict[str, Any] = {
        "configure_logging": True,
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "job_config": job_config(),
    }
    if address is not None:
        check_address(address)
    try:
        with _signals_stay_ours():
            if address is not None:
                ray.init(address=address, **common)
            else:
                _set_unless_set(_OWN)
                ray.init(
                    address="local",
                    num_cpus=max(config.count or 0, usable_cpus()),
                    num_gpus=None
                    if torch.cuda.is_available()
                    else 0,  # Ray counts those that torch cannot use, too
                    include_dashboard=False,
                    object_store_memory=128 * 2**20,  # images never enter it
                    **common,
                )
    except Exception as error:  # Ray raises this very class, too
        first = next(iter(str(error).splitlines()), type(error).__name__)
        if address is None:
            raise ConfigError(
                f"Expected to start Ray on this machine, got: {first[:300]}. Its logs are in /tmp/ray/session_latest/"
                "logs; --workers 0 works without Ray."
            ) from error
        raise ConfigError(
            f"Expected to join the Ray cluster at {address}, got: {first[:300]}. Check that this is the head's address "
            "and that this machine is a node of it, or run without Ray: --workers 0."
        ) from error


def _set_unless_set(variables: Mapping[str, str]) -> None:
    """Set environment variables for Ray, except those that the user has set."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)


@contextmanager
def _signals_stay_ours() -> Iterator[None]:
    """`ray.init` takes SIGTERM for itself, in Python and below it: what it leaves there prints a stack and aborts the
    process three seconds after the signal, in the middle of whatever ends cleanly."""
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    try:
        yield
    except SystemExit:  # from Ray's handler, while ours was away
        signal.signal(signal.SIGTERM, before)
        signal.alarm(0)
        before(signal.SIGTERM, None)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_is_the_one(asked: str | None) -> None:
    """Ray in this process stays where it is, whatever an option says."""
    if asked in (None, "", "auto", "local"):
        return
    there = ray.get_runtime_context().gcs_address
    if there not in _spellings(asked):
        raise ConfigError(
            f"Expected Ray at {asked}, got Ray at {there}, which runs in this process already. Leave the address out "
            "to work there, or call ray.shutdown() first."
        )


def _spellings(address: str) -> set[str]:
    """An address by every number that its host has."""
    host, port = split_address(address)
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port)}
    except OSError:
        found = set()
    if found & {"127.0.0.1", "::1"}:
        found |= {ray.util.get_node_ip_address()}
    return {f"{one}:{port}" for one in found} | {address}


def _processes(*, starts_here: bool) -> list[RayProcess]:
    if ray.util.client.ray.is_connected():  # behind a proxy, which Ray watches
        return []
    here = ray.get_runtime_context()
    host, port = split_address(here.gcs_address)
    head = RayProcess(name="the head of the Ray cluster", host=host, port=port, comes_back=not starts_here)
    Lifeline([head]).check_now()
    nodes = {node["NodeID"]: node for node in ray.nodes()}
    node = nodes[here.get_node_id()]
    raylet = RayProcess(
        name="Ray's process on this machine (raylet)",
        host=node["NodeManagerAddress"],
        port=node["NodeManagerPort"],
        comes_back=False,
    )
    return [raylet, head]
