"""Metrics of a run on a Ray cluster, where Ray exports them with its own."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.events import Event, WorkersStarted
from pipeline.metrics.definitions import COMMON_LABELS, METRICS, Metric
from pipeline.metrics.recorder import Recorder


class RayRecorder:
    """A listener that records as soon as the workers are up on a cluster that was there before.

    Nobody scrapes a Ray that a run started for itself.
    """

    def __init__(self) -> None:
        """Record nothing yet; Ray is loaded when the workers are up."""
        self._recorder = Recorder(None)

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, WorkersStarted) and event.place == "cluster":
            self._recorder.meters = self._recorder.meters or RayMeters()
        self._recorder(event)


class RayMeters:
    """All metrics, by Ray."""

    def __init__(self) -> None:
        """Make all metrics; the process must be part of a cluster."""
        from ray.util.metrics import Counter, Gauge, Histogram

        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in METRICS:
            labels = (*COMMON_LABELS, *metric.labels)
            if metric.kind == "histogram":
                bounds = list(metric.buckets)
                self._histograms[metric.name] = Histogram(metric.name, metric.words, bounds, labels)
            elif metric.kind == "counter":
                self._counters[metric.name] = Counter(metric.name, metric.words, labels)
            else:
                self._gauges[metric.name] = Gauge(metric.name, metric.words, labels)

    def record(self, metric: Metric, value: float, labels: Mapping[str, str]) -> None:
        """As `Meters.record`."""
        tags = dict(labels)
        if metric.kind == "counter":
            self._counters[metric.name].inc(value, tags)
        elif metric.kind == "gauge":
            self._gauges[metric.name].set(value, tags)
        else:
            self._histograms[metric.name].observe(value, tags)
