"""A real Ray cluster of three nodes that loses one in the middle of a run: the run goes on on the other."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from pipeline.compress.run import CompressRun
from pipeline.config import CodecConfig, CompressConfig, ShardConfig, WorkersConfig
from pipeline.events import Event, ImagesFinished
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from tests.chaos.invariants import Witness
from tests.support.pictures import contents, fill

_IMAGES = 30
_NODE = {"object_store_memory": 100 * 2**20}
_QUICK = {
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "4",
}


def without_a_node(folder: Path, rng: random.Random) -> Counter[str]:
    """Compress on a head and two nodes, of which one goes, and with it its actor, once the first unit is done."""
    source, archive = folder / "source", folder / "archive"
    fill(source, _IMAGES, rng)
    before = {name: os.environ.get(name) for name in _QUICK}
    os.environ.update(_QUICK)
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **_NODE}
    )
    try:
        nodes = [cluster.add_node(num_cpus=1, **_NODE) for _ in range(2)]
        cluster.wait_for_nodes()
        config = CompressConfig(
            codec=CodecConfig(id="ae-zfp-1", quality=30),
            shard=ShardConfig(max_images=3),
            workers=WorkersConfig(count=2, ray_address=cluster.address),
            commit_seconds=0.1,
        )

        def listen(event: Event) -> None:
            if isinstance(event, ImagesFinished) and len(nodes) == 2:
                cluster.remove_node(nodes.pop(), allow_graceful=False)
                cluster.add_node(num_cpus=1, **_NODE)  # as an autoscaler would

        begun = time.monotonic()
        summary = CompressRun(parse_source(str(source)), Storage(archive), config).run(listen).summary
        seconds = time.monotonic() - begun
    finally:
        ray.shutdown()
        cluster.shutdown()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    assert len(nodes) == 1, "the run was over before a node could go"
    assert (summary.images, summary.damaged, summary.failed) == (_IMAGES + 1, 1, 0), summary
    Witness(Storage(archive)).check(contents(source))
    return Counter({"nodes lost": 1, "seconds": round(seconds)})
