"""One story of a run, and what Prometheus is told of it: from a port, from a file, by Ray, and on the dashboard."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.errors import ConfigError
from pipeline.events import (
    Event,
    Failure,
    ImagesCommitted,
    ImagesFinished,
    ImagesListed,
    RunBegan,
    RunEnded,
    TasksUnderWay,
    WorkersStarted,
)
from pipeline.failure_kinds import failure_kind
from pipeline.metrics.definitions import COMMON_LABELS, METRICS, Metric
from pipeline.metrics.place import Port, read_place
from pipeline.metrics.prometheus import metrics_at
from pipeline.totals import Totals

ROOT = Path(__file__).resolve().parents[3]
CODED = Totals(images=2, coded=2, pixels=3_000_000, source_bytes=900, payload_bytes=90)
COMPRESS: tuple[Event, ...] = (
    RunBegan(verb="compress", archive="s3://b/a", done="encoded", commits=True),
    ImagesListed(images=4),
    WorkersStarted(workers=2),
    TasksUnderWay(tasks=3, capacity=4),
    ImagesFinished(
        images=3,
        totals=CODED + Totals(images=1, failed=1),
        by_status={"coded": CODED, "failed": Totals(images=1, failed=1)},
        failures=(Failure(key="secret/key.png", reason="the source file is no longer there"),),
        stages={"encode_s": 2.0},
        codec_waited_s=0.5,
        images_waited_s=0.25,
        worker="2",
    ),
    ImagesCommitted(images=2, seconds=0.2),
    ImagesCommitted(images=1),
)
VERIFY: tuple[Event, ...] = (
    RunBegan(verb="verify", archive="s3://b/a", done="checked", counts="problems"),
    ImagesFinished(images=5, totals=Totals(failed=2)),
    RunEnded(),
)
EXPECTED = {
    'tenfold_images_total{status="coded"}': 2,
    'tenfold_images_total{status="failed"}': 1,
    'tenfold_images_total{status="checked"}': 5,
    'tenfold_megapixels_total{status="coded"}': 3,
    'tenfold_source_bytes_total{status="coded"}': 900,
    'tenfold_stored_bytes_total{status="coded"}': 90,
    'tenfold_failures_total{reason="missing"}': 1,
    "tenfold_problems_total{}": 2,
    'tenfold_worker_megapixels_total{worker="2"}': 3,
    'tenfold_stage_seconds_sum{stage="encode"}': 2,
    "tenfold_codec_waited_seconds_total{}": 0.5,
    "tenfold_images_waited_seconds_total{}": 0.25,
    "tenfold_commit_seconds_count{}": 1,
    "tenfold_images_planned{}": 4,
    "tenfold_images_unfinished{}": 1,
    "tenfold_images_uncommitted{}": 0,
    "tenfold_tasks_in_flight{}": 3,
    "tenfold_tasks_capacity{}": 4,
    "tenfold_workers{}": 2,
}


def samples_in(text: str) -> dict[str, float]:
    """Samples by name and own labels, of the verb that came first; buckets and times are left out."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            own = ",".join(f'{k}="{v}"' for k, v in sample.labels.items() if k not in COMMON_LABELS)
            if not sample.name.endswith(("_bucket", "_timestamp_seconds")):
                found.setdefault(f"{sample.name}{{{own}}}", sample.value)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_prometheus_is_told_what_came_of_a_run() -> None:
    place = read_place(f"127.0.0.1:{free_port()}")
    dry_run = (RunBegan(verb="prune", archive="s3://b/a", is_dry_run=True), RunEnded())
    with metrics_at(place) as listen:
        for event in (*dry_run, *COMPRESS, RunEnded(), *VERIFY):
            listen(event)
        with urllib.request.urlopen(f"http://{place}/metrics") as answer:
            text = answer.read().decode()
        with pytest.raises(ConfigError, match="to have metrics at 127"), metrics_at(place):
            pass
    said = samples_in(text)
    assert {name: said.get(name) for name in EXPECTED} == EXPECTED
    assert {metric.name for metric in METRICS} <= set(re.findall(r"# HELP (\S+)", text))
    assert "secret" not in text
    assert "prune" not in text


def test_a_file_for_node_exporter_keeps_when_a_run_last_ended(tmp_path: Path) -> None:
    path = tmp_path / "tenfold.prom"
    for story in ((*COMPRESS, RunEnded()), COMPRESS):  # the second does not come to its end
        with metrics_at(path) as listen:
            for event in story:
                listen(event)
        said = samples_in(path.read_text())
        assert said['tenfold_images_total{status="coded"}'] == 2
        ended = re.search(r"^tenfold_run_ended_timestamp_seconds\{.*\} (\S+)", path.read_text(), re.MULTILINE)
        assert ended is not None
    assert [one.name for one in tmp_path.iterdir()] == ["tenfold.prom"]
    with pytest.raises(ConfigError, match="Name another place"), metrics_at(tmp_path / "none" / "a.prom"):
        pass


@pytest.mark.parametrize("torn", [b"garbage {{{\n", bytes(64), b"\xff\xfe"], ids=["text", "zeros", "no text"])
def test_a_file_that_a_power_cut_has_torn_is_written_anew(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / "a.prom").write_bytes(torn)
    with metrics_at(tmp_path / "a.prom") as listen:
        listen(RunBegan(verb="compress", archive="/archive"))
    assert "# HELP tenfold_" in (tmp_path / "a.prom").read_text()


def test_where_metrics_go() -> None:
    assert read_place(":9400") == Port(host="0.0.0.0", number=9400)
    assert read_place("/var/lib/x/tenfold.prom") == Path("/var/lib/x/tenfold.prom")
    for wrong in ("metrics.txt", "9400", "a/b:9400", ":99999", "s3://b/tenfold.prom"):
        with pytest.raises(ConfigError, match=r"Expected a file NAME\.prom"):
            read_place(wrong)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_are_as_prometheus_wants_them(metric: Metric) -> None:
    assert re.fullmatch(r"tenfold_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert bool(metric.buckets) == (metric.kind == "histogram")


def test_the_dashboard_asks_for_what_there_is() -> None:
    board = json.loads((ROOT / "configs/grafana/tenfold.json").read_text())
    asked = "\n".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    names = set(re.findall(r"\(ray_\)\?(\w+)", asked))
    suffix = re.compile(r"_(bucket|sum|count)$")
    there = {metric.name: metric for metric in METRICS}
    histograms = {name for name, metric in there.items() if metric.kind == "histogram"}
    assert {name if name in there else suffix.sub("", name) for name in names} == set(there)
    assert {suffix.sub("", name) for name in names - set(there)} <= histograms
    labels = {label for metric in METRICS for label in (*COMMON_LABELS, *metric.labels)} | {"le"}
    for by in re.findall(r"by \(([^)]*)\)", asked):
        assert set(by.split(", ")) <= labels


def test_failures_have_few_kinds() -> None:
    assert failure_kind("the source file could not be read: Expected access") == "unreadable"
    assert failure_kind("its worker died each time it was tried alone: boom") == "worker_died"
    assert failure_kind("lost: its shard is gone; it was in shards/x") == "lost"
    assert failure_kind("something new") == "other"
