"""The server as an application of Ray Serve: two deployments, and how many of each there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ray import serve
from ray.serve.config import RequestRouterConfig

from pipeline.archive.versions import AsOf
from pipeline.errors import UsageError
from pipeline.serve.limits import Limits
from pipeline.serve_cluster.decoder_replica import DecoderReplica
from pipeline.serve_cluster.web_replica import WebReplica
from pipeline.store.storage import Storage

WEB: Final = "web"
DECODERS: Final = "decoders"
_CLIENTS: Final = 1_000
"""Of one web replica at a time: it refuses by what images cost, and its health is asked for beside them."""
_HELD_BY_DECODER: Final = 128
"""Requests in a decoder's queue, where small ones overtake large ones; Ray's own knows only who came first."""
_BUSY_WITH: Final = 4
"""Requests for each decoder of a replica, above which Ray starts another replica."""
_ZERO_AFTER_S: Final = 300
"""Without a request, before the last replica goes, where all may."""
_BY_IMAGE: Final = "ray.serve.experimental.consistent_hash_router.ConsistentHashRouter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """How many there are, and what each takes of its node."""

    web: int = 1
    fewest: int = 1
    """That decode; with 0 all go when nobody asks, and the first request waits for one."""
    most: int = 1
    cpus: float = 1
    """Of a replica that decodes: one process for each."""
    gpus: float = 0
    """Of a replica that decodes; above 0 it has one process, on the GPU."""

    def __post_init__(self) -> None:
        """See that somebody could decode."""
        if self.web < 1 or self.most < 1 or not 0 <= self.fewest <= self.most:
            raise UsageError(
                f"Expected 1 web replica or more, and 0 <= min_decoders <= max_decoders with 1 or more, got "
                f"{self.web} web, {self.fewest} to {self.most} decoders."
            )
        if self.cpus <= 0 or self.gpus < 0:
            raise UsageError(
                f"Expected a share of a node above 0 CPUs, got {self.cpus:g} CPUs, {self.gpus:g} GPUs."
            )

    @property
    def decoders(self) -> int:
        """Processes of one replica."""
        return 1 if self.gpus else max(1, int(self.cpus))


def make_application(
    archive: Storage,
    limits: Limits,
    replicas: Replicas,
    *,
    as_of: AsOf | None = None,
    cache: Path | None = None,
    public_url: str | None = None,
    token_file: Path | None = None,
) -> serve.Application:
    """What `serve.run` takes. Nothing is contacted yet; the options are `open_site`'s and `read_token`'s.

    Args:
        cache: a folder of each node.
        token_file: a file of each node.
    """
    deploy_decoders = serve.deployment(
        name=DECODERS,
        ray_actor_options={"num_cpus": replicas.cpus, "num_gpus": replicas.gpus},
        max_ongoing_requests=replicas.decoders * _HELD_BY_DECODER,
        max_queued_requests=replicas.decoders * _HELD_BY_DECODER,
        request_router_config=RequestRouterConfig(request_router_class=_BY_IMAGE),
        graceful_shutdown_timeout_s=limits.deadline_s,
        **_scaled(replicas),
    )
    deploy_web = serve.deployment(name=WEB, num_replicas=replicas.web, max_ongoing_requests=_CLIENTS)
    decoders = deploy_decoders(DecoderReplica).bind(archive, limits)
    return deploy_web(serve.ingress()(WebReplica)).bind(
        archive,
        limits,
        decoders,
        as_of=as_of,
        cache=cache,
        public_url=public_url,
        token_file=token_file,
    )


def _scaled(replicas: Replicas) -> dict[str, Any]:
    if replicas.fewest == replicas.most:
        return {"num_replicas": replicas.most}
    wanted = {
        "min_replicas": replicas.fewest,
        "max_replicas": replicas.most,
        "target_ongoing_requests": replicas.decoders * _BUSY_WITH,
        "downscale_to_zero_delay_s": _ZERO_AFTER_S,
    }
    return {"autoscaling_config": wanted}
