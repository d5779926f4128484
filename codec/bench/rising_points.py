"""A measured curve without the points that are no use: more bits for no more quality."""

from __future__ import annotations

from collections.abc import Iterable


def rising_points(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """By rising rate, those points that beat every cheaper one."""
    kept: list[tuple[float, float]] = []
    for rate, score in sorted(points, key=lambda point: (point[0], -point[1])):
        if not kept or score > kept[-1][1]:
            kept.append((rate, score))
    return kept
