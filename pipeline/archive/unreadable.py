"""What is said of a shard that its store does not give back, though it answers otherwise."""

from __future__ import annotations

from pipeline.errors import DamagedError, UnreadableError
from pipeline.store.storage import Storage


def unreadable_shard(storage: Storage, shard: str, error: UnreadableError) -> DamagedError:
    """Word it."""
    return DamagedError(
        f"Expected to read the shard {shard}, as others at {storage.url} can be, got: {error} Put in its place a "
        "copy, or what can be read of it; `tenfold repair` mends the rest."
    )
