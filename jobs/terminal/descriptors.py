"""The three files that every process is born with."""

from __future__ import annotations

import os


def fill_closed_descriptors() -> None:
    """Put something behind those that are closed (`>&-`): the next file that is opened would become stdout, and what
    is printed, here or below Python, would land in it. What is written to them fails, as it does where they are closed.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDONLY), True)
