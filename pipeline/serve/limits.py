"""What one server does for its clients at most: nothing that is asked of it makes it do more."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of work, memory and time."""

    decoders: int = 1
    """Processes that decode."""
    max_pixels: int = 100_000_000
    """Of an image: of a larger one no byte is read, unless it is asked for as it is stored."""
    max_bytes: int = 1_000_000_000
    """Of a file that is opened or unpacked; what is sent as it is stored is streamed."""
    max_area: int = 40_000_000
    """Pixels of the largest picture that is made."""
    deadline_s: float = 30.0
    """That a request waits, and that decoding it takes then."""
    held_bytes: int = 600_000_000
    """Of opened images, in one decoder."""
    cached_bytes: int = 256_000_000
    """Of files that are remembered."""
    disk_bytes: int = 10_000_000_000
    """Of files that are kept on a disk, where a folder for them is named."""

    def __post_init__(self) -> None:
        """See that something can be done within them."""
        for name in self.__slots__:
            if getattr(self, name) < (0 if name == "cached_bytes" else 1e-3):
                raise UsageError(f"Expected a limit above 0 for {name}, got {getattr(self, name)}.")

    @property
    def most_running_pixels(self) -> int:
        """Decoded at the same time: some 12 bytes of memory each. A larger image is decoded alone."""
        return self.decoders * 16_000_000
