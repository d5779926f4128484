"""What a server did, for Prometheus. A registry of its own: one process may hold several servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

_SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class ServingMetrics:
    """Counts of one server. No label holds a key: their values are few."""

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        """Nothing is counted yet."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tenfold_http_requests_total",
            "Requests that were answered; 499 is a client that left.",
            ("route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "tenfold_http_seconds",
            "Seconds from a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._files = Counter(
            "tenfold_files_total",
            "Files that were had: from memory, from disk, with another request for the same, or made.",
            ("had",),
            registry=self._registry,
        )
        self._ended = Counter(
            "tenfold_decoders_ended_total",
            "Decoders that were replaced: died by themselves, or late and killed.",
            ("why",),
            registry=self._registry,
        )

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def count_file(self, had: str) -> None:
        """One file was had: `memory`, `disk`, `joined` or `made`."""
        self._files.labels(had).inc()

    def count_ended(self, why: str) -> None:
        """One decoder was replaced: `died` or `late`."""
        self._ended.labels(why).inc()

    def watch(self, name: str, words: str, value: Callable[[], float]) -> None:
        """A gauge that is asked for when somebody looks."""
        Gauge(name, words, registry=self._registry).set_function(value)

    def exposition(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)
