"""The server on Ray Serve, in the Ray that this process has joined or started."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving_on_ray(archive: str, *, route_prefix: str = "/") -> Iterator[str]:
    """Serve an archive at a free port, and end Ray Serve when it is done with.

    Yields:
        The address that clients use, without a slash at the end.
    """
    from ray import serve  # two seconds, and the extra serve-cluster

    from tenfold.serve_app import app

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    try:
        serve.run(app({"archive": archive}), route_prefix=route_prefix)
        yield f"http://127.0.0.1:{port}{route_prefix.rstrip('/')}"
    finally:
        serve.shutdown()
