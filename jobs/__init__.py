"""The command line: one thin file a verb. Who imports it is a process of ours, before torch is loaded."""

from codec.cpus import wait_passively
from jobs.terminal.descriptors import fill_closed_descriptors

fill_closed_descriptors()
wait_passively()
