"""Metrics of this process for Prometheus: scraped from a port, or in a file that node_exporter reads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.exposition import write_to_textfile
from prometheus_client.parser import text_string_to_metric_families

from pipeline.errors import ConfigError
from pipeline.events import Event, Listener, together
from pipeline.metrics.definitions import COMMON_LABELS, ENDED, METRICS, Metric
from pipeline.metrics.place import Port
from pipeline.metrics.recorder import Recorder

_WRITE_EVERY_S: Final = 15.0
"""As often as Prometheus usually looks."""


@contextmanager
def metrics_at(place: Path | Port) -> Iterator[Listener]:
    """A listener whose metrics are offered at a place until the end; a file stays.

    Raises:
        ConfigError: the file cannot be written, or the port is not free.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each
    meters = PrometheusMeters()
    try:
        target = _File(place, meters) if isinstance(place, Path) else _Server(place, meters)
    except OSError as error:
        raise ConfigError(
            f"Expected to have metrics at {place}, got: {error.strerror or error}. Name another place."
        ) from error
    try:
        yield together(Recorder(meters), target)
    finally:
        target.close()


class PrometheusMeters:
    """All metrics, in a registry of their own."""

    def __init__(self) -> None:
        """Nothing is recorded yet."""
        self.registry = CollectorRegistry()
        self._families = {metric.name: self._family(metric) for metric in METRICS}

    def _family(self, metric: Metric) -> Counter | Gauge | Histogram:
        labels = (*COMMON_LABELS, *metric.labels)
        if metric.kind == "histogram":
            return Histogram(
                metric.name, metric.words, labels, buckets=metric.buckets, registry=self.registry
            )
        kind = Counter if metric.kind == "counter" else Gauge
        return kind(metric.name, metric.words, labels, registry=self.registry)

    def record(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        """As `Meters.record`."""
        family = self._families[metric.name]
        if isinstance(family, Counter):
            family.labels(**labels).inc(value)
        elif isinstance(family, Gauge):
            family.labels(**labels).set(value)
        else:
            family.labels(**labels).observe(value)


class _Server:
    """Answers whoever comes for the metrics, in a thread."""

    def __init__(self, port: Port, meters: PrometheusMeters) -> None:
        self._server, self._thread = start_http_server(port.number, port.host, meters.registry)

    def __call__(self, _event: Event) -> None:
        """An event changes nothing here: the thread answers when it is asked."""

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _File:
    """Written from time to time. When a run last came to its end stays in it until one does again."""

    def __init__(self, path: Path, meters: PrometheusMeters) -> None:
        self._path = path
        self._registry = meters.registry
        with suppress(ValueError):  # torn by a power cut, or no metrics at all: it is written anew
            for family in text_string_to_metric_families(path.read_text() if path.exists() else ""):
                for sample in family.samples if family.name == ENDED.name else ():
                    meters.record(ENDED, sample.value, sample.labels)
        self._write()

    def __call__(self, event: Event) -> None:
        if event.at - self._written_at >= _WRITE_EVERY_S:
            self.close()

    def close(self) -> None:
        with suppress(OSError):  # a run does not end for want of a metric; the file's age tells
            self._write()

    def _write(self) -> None:
        self._written_at = time.monotonic()
        write_to_textfile(str(self._path), self._registry)
