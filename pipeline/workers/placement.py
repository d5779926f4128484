"""How many workers a cluster has room for, and what each takes of its node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.config import WorkersConfig
from pipeline.errors import ConfigError

_ROUNDING = 1e-6
"""Ten tenths of a GPU are a GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What is asked of Ray."""

    count: int
    """Workers."""
    cpus: float
    gpus: float
    """Of one node, for each worker."""

    @property
    def threads(self) -> int:
        """A worker's share of the CPU."""
        return max(1, int(self.cpus))


def place(nodes: Sequence[Mapping[str, float]], config: WorkersConfig, *, wants_gpu: bool) -> Placement:
    """Share the nodes among workers.

    Where a node has fewer CPUs for each of its GPU shares than asked for, workers get fewer, so that no GPU is left
    out for want of cores.

    Args:
        nodes: what each has, as Ray counts: `CPU`, and perhaps `GPU`.
        wants_gpu: these workers are faster on a GPU.
    Raises:
        ConfigError: there is no room for as many as asked for, or for none.
    """
    with_gpu = [node for node in nodes if node.get("GPU", 0) > 0 and node.get("CPU", 0) > 0]
    needs = _on_gpus(with_gpu, config) if wants_gpu and with_gpu else {"CPU": config.cpus}
    most = sum(min(_times(node.get(kind, 0), share) for kind, share in needs.items()) for node in nodes)
    count = config.count or max(most, 1)
    if count > most:
        each = " and ".join(f"{share:g} {kind}" for kind, share in needs.items())
        there = ", ".join(f"{sum(node.get(kind, 0) for node in nodes):g} {kind}s" for kind in needs)
        knob = "gpus" if "GPU" in needs else "cpus"
        raise ConfigError(
            f"Expected a cluster with room for {count} workers of {each} each, got room for {most} ({there} on "
            f"{len(nodes)} nodes); lower --workers or workers.{knob}."
        )
    return Placement(count=count, cpus=needs["CPU"], gpus=needs.get("GPU", 0))


def _on_gpus(nodes: Sequence[Mapping[str, float]], config: WorkersConfig) -> dict[str, float]:
    fair = min(node["CPU"] / max(1, _times(node["GPU"], config.gpus)) for node in nodes)
    whole = int(fair) if fair >= 1 else round(fair, 2)  # Ray takes no other fractions of several
    return {"GPU": config.gpus, "CPU": min(config.cpus_with_gpu, whole)}


def _times(there: float, share: float) -> int:
    return int(there / share + _ROUNDING)
