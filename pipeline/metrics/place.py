"""Where the metrics of a process are offered: in a file, or on a port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.errors import ConfigError

_PORT: Final = re.compile(r"(?P<host>[^/]*):(?P<number>\d{1,5})")
_EVERY_ADDRESS: Final = "0.0.0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An address that Prometheus scrapes while a run goes on."""

    host: str
    number: int

    def __str__(self) -> str:
        return f"{self.host}:{self.number}"


def read_place(text: str) -> Path | Port:
    """A file for node_exporter, or a port.

    Raises:
        ConfigError: neither a file of this machine whose name ends in .prom, nor [HOST]:PORT.
    """
    match = _PORT.fullmatch(text)
    if match is not None and int(match["number"]) < 1 << 16:
        return Port(host=match["host"] or _EVERY_ADDRESS, number=int(match["number"]))
    if text.endswith(".prom") and "://" not in text:
        return Path(text)
    raise ConfigError(
        f"Expected a file NAME.prom of this machine (node_exporter reads no others) or [HOST]:PORT for metrics, got "
        f"{text!r}."
    )
