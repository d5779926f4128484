"""What makes a Delta table a catalogue: its format, its properties, and the log entry that makes an empty one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from deltalake import DeltaTable

from pipeline.archive.layout import CATALOGUE_FOLDER, entry_path
from pipeline.archive.schema import CATALOGUE_SCHEMA
from pipeline.errors import NewerFormatError, NoArchiveError

ARCHIVE_FORMAT: Final = 2
"""Written into the table as `tenfold.format`. Columns may be added without raising it, unless who does not know them
takes something for what it is not: 2 came with packed payloads, payloads that rows share, and carried metadata."""

FORMAT_KEY: Final = "tenfold.format"
_PROPERTIES: Final = {
    # a version can be read until somebody prunes the archive, not for Delta's usual 30 days
    "delta.logRetentionDuration": "interval 36500 days",
    # for other tools: what Tenfold commits is summed up as often as `_entries_between_checkpoints` says
    "delta.checkpointInterval": "100",
    # the columns we look up by: statistics on 40 columns would make every log entry ten times as long
    "delta.dataSkippingStatsColumns": "key,run,status",
}


def check_format(configuration: Mapping[str, str | None], *, url: str) -> None:
    """See that a table is a catalogue, and of a format that this release knows.

    Args:
        configuration: of the table.
        url: of the archive, for messages.
    Raises:
        NoArchiveError: it is a table of something else.
        NewerFormatError: it is of a newer format.
    """
    written = configuration.get(FORMAT_KEY)
    if written is None or not written.isdecimal():
        raise NoArchiveError(
            f"Expected a Tenfold archive at {url}, got a Delta table of something else in "
            f"{CATALOGUE_FOLDER}/. Choose another folder for the archive."
        )
    if int(written) > ARCHIVE_FORMAT:
        raise NewerFormatError(
            f"Expected an archive of format {ARCHIVE_FORMAT} or older at {url}, got format "
            f"{written}. Install a newer Tenfold to use it."
        )


def first_entry() -> bytes:
    """The log entry that makes an empty table.

    Made in a temporary folder and then published create-only: of several who make the same table at once,
    deltalake itself lets each write its own definition, one after the other.
    """
    with TemporaryDirectory(prefix="tenfold-") as folder:
        DeltaTable.create(
            folder,
            schema=CATALOGUE_SCHEMA,
            name="tenfold catalogue",
            description="Images of a Tenfold archive: one row per key",
            configuration={FORMAT_KEY: str(ARCHIVE_FORMAT), **_PROPERTIES},
            raise_if_key_not_exists=False,
        )
        return (Path(folder) / entry_path(0).removeprefix(f"{CATALOGUE_FOLDER}/")).read_bytes()
