"""The app under uvicorn, in this process, until it is told to stop."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from pipeline.errors import ConfigError

_GRACE_S: Final = 5
"""That answers under way have to end in."""
_KEPT_ALIVE_S: Final = 65
"""A little longer than proxies keep connections, so that none is closed under a request."""


def run_server(app: ASGIApp, *, host: str, port: int, began: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C: then requests under way are answered, and the app's lifespan ends.

    Args:
        port: 0 for one that is free.
        began: is told the address when clients may come.
    Raises:
        ConfigError: nobody can listen there.
    """
    listening = _listen(host, port)
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEPT_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    name = f"[{host}]" if ":" in host else host
    _Server(config, lambda: began(f"http://{name}:{listening.getsockname()[1]}")).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"Expected to listen at port {port} of {host}, got: {error}. Choose another with --port; 0 takes any that "
            "is free."
        ) from error


class _Server(uvicorn.Server):
    """Says when it begins; to be told to stop is its ordinary end, not an error."""

    def __init__(self, config: uvicorn.Config, began: Callable[[], None]) -> None:
        super().__init__(config)
        self._began = began

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._began()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
