"""Work in a process of its own: for what would leave something behind in this one, or find something there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")


def in_own_process(work: Callable[..., T], *given: object) -> T:
    """Call a function of a module in a fresh Python, with this process's environment.

    Returns:
        What it returns; what it raises is raised here.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()
