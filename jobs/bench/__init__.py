"""`tenfold bench ...`: the measurements behind docs/benchmarks/, on your own machine and images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.bench.group import bench

__all__ = ["bench"]


def __getattr__(name: str) -> Any:
    """Import `bench` when it is asked for: it brings torch, which must not weigh on what a measurement starts."""
    if name == "bench":
        from jobs.bench.group import bench

        return bench
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
