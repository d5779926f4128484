"""A replica of the deployment that clients reach: the app of one archive, without decoders of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from pipeline.archive.versions import AsOf
from pipeline.serve.app import make_app
from pipeline.serve.limits import Limits
from pipeline.serve.open_site import open_site
from pipeline.serve.token import read_token
from pipeline.serve_cluster.remote_decoders import RemoteDecoders
from pipeline.store.storage import Storage


class WebReplica:
    """An index, caches, and a handle of those who decode. All replicas of one machine map the same index file."""

    def __init__(
        self,
        archive: Storage,
        limits: Limits,
        decoders: Any,
        *,
        as_of: AsOf | None,
        cache: Path | None,
        public_url: str | None,
        token_file: Path | None,
    ) -> None:
        """As `open_site`. Files are looked for on the replica's machine, and so is the environment.

        Args:
            decoders: a handle of their deployment.
            token_file: holds the token that clients must show.
        """
        self._site = open_site(
            archive,
            limits,
            RemoteDecoders(decoders, limits),
            as_of=as_of,
            cache=cache,
            public_url=public_url,
            token=read_token(token_file),
        )

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Ray asks for the app by this name."""
        return make_app(self._site)
