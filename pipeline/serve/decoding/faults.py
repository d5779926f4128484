"""From errors to what clients are told."""

from __future__ import annotations

import logging
from typing import Final

from codec.errors import CodecConfigError, CodecError, NoDecoderError
from pipeline.errors import ArchiveError, DamagedError, NewerFormatError, RestoreError, StorageError
from pipeline.serve.decoding.contract import Fault, NotMade

_log: Final = logging.getLogger(__name__)
_FAULTS: Final[tuple[tuple[type[BaseException], Fault], ...]] = (
    (DamagedError, "damaged"),
    (NewerFormatError, "too new"),
    (ArchiveError, "no picture"),
    (RestoreError, "no picture"),
    (NoDecoderError, "no picture"),
    (CodecConfigError, "no picture"),
    (CodecError, "damaged"),
    (StorageError, "store"),
    (MemoryError, "memory"),
)


def not_made_by(error: Exception, *, key: str) -> NotMade:
    """What an error means for whoever asked. One that is a bug is logged."""
    fault: Fault = next((fault for kind, fault in _FAULTS if isinstance(error, kind)), "bug")
    if fault == "bug":
        _log.error("Nothing could be made of %r", key, exc_info=error)
    return NotMade(fault=fault, words=str(error) or type(error).__name__)
