"""The trainer as a process of its own: `python -m codec.train`."""

from codec.cpus import wait_passively

wait_passively()
