"""Whether a Ray cluster answers at an address."""

from __future__ import annotations

import os
import socket
from typing import Final

from ray._private.services import canonicalize_bootstrap_address

from pipeline.errors import ConfigError

_ANSWER_TIMEOUT_S: Final = 10.0
_CLIENT_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
"""What an HTTP/2 client sends first, with empty settings (RFC 9113, 3.4)."""
_FRAME_HEAD_BYTES: Final = 9
_SETTINGS: Final = 4
"""Type of the frame that an HTTP/2 server sends first, in the fourth byte."""
_ADVICE: Final = "Check --ray-address and RAY_ADDRESS, or run without Ray: --workers 0."


def check_address(address: str) -> None:
    """Ray itself tries for minutes where nothing answers, and forever where something is silent.

    Raises:
        ConfigError: no address of a cluster that can be joined, or no cluster there.
    """
    if address.startswith("ray://"):
        raise ConfigError(
            f"Expected a cluster to join as one of its nodes, got {address}, which is for Ray Client. Run this on a "
            "node of the cluster with --ray-address auto, or send it there: tenfold submit --address http://HEAD:8265."
        )
    host, port = split_address(_found_here() if address == "auto" else address)
    try:
        ask(host, port, timeout_s=_ANSWER_TIMEOUT_S)
    except (OSError, OverflowError, UnicodeError) as error:
        raise _no_cluster(address, error) from error


def _found_here() -> str:
    """The cluster that RAY_ADDRESS or a node of it on this machine names."""
    try:
        return canonicalize_bootstrap_address("auto") or ""
    except (ConnectionError, ValueError) as error:
        raise _no_cluster("auto", error) from error


def split_address(address: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ConfigError: it has none.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise ConfigError(f"Expected auto, local or HOST:PORT of a Ray cluster, got {address!r}. {_ADVICE}")
    return host.strip("[]"), int(port)


def ask(host: str, port: int, *, timeout_s: float) -> None:
    """Return when a gRPC server, as every process of Ray is one, takes a connection and says the first word.

    Raises:
        OSError: nothing listens there, or what listens is silent or no such server.
    """
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        if os.environ.get("RAY_USE_TLS", "0") not in (
            "0",
            "",
        ):  # the first word is the client's, and needs its keys
            return
        connection.settimeout(timeout_s)
        connection.sendall(_CLIENT_PREFACE)
        head = b""
        while len(head) < _FRAME_HEAD_BYTES:
            more = connection.recv(_FRAME_HEAD_BYTES - len(head))
            if not more:
                raise ConnectionAbortedError("it closed the connection")
            head += more
        if head[3] != _SETTINGS:
            raise ConnectionAbortedError("another kind of server answers there")


def _no_cluster(address: str, error: Exception) -> ConfigError:
    said = f"no answer within {_ANSWER_TIMEOUT_S:g} s" if isinstance(error, TimeoutError) else str(error)
    return ConfigError(f"Expected a Ray cluster at {address}, got: {said.rstrip('.')}. {_ADVICE}")
