"""What can go wrong around the codec.

TenfoldError
├── ConfigError      a configuration that cannot work: a file, or what it meets on this machine
│   ├── UsageError           what was said on the command line cannot work
│   └── FilterError          a filter over images that cannot be read
├── StorageError     an object store or folder that does not answer as it should
│   ├── UnsafeStoreError     it lets two writers overwrite each other
│   ├── UnfitNameError       it cannot hold an object of that name
│   ├── UnreadableError      it does not give back one object, and gives others
│   └── StoreDownError       the whole store is out of reach or full: no answer, or credentials it refuses
├── SourceError      the images to read: missing, empty, or one that cannot be decoded
├── RestoreError     an image that cannot be written in the format asked for
└── ArchiveError     what is (or is not) in an archive
    ├── NoArchiveError       nothing at that URL is an archive
    │   └── LostCatalogueError   one was there, and its shards are; its catalogue is not
    ├── NewerFormatError     it was made by a release that is too new
    ├── UnknownKeyError      the archive has no such image
    ├── LockedError          somebody else is changing the archive
    └── DamagedError         bytes in the archive are not those that were written

Messages follow one template: expected, got, where, what to do.
"""


class TenfoldError(Exception):
    """Base of every error the pipeline raises on purpose."""


class ConfigError(TenfoldError, ValueError):
    """A configuration that cannot work: a file that is wrong, or a cluster that is not as it says."""


class UsageError(ConfigError):
    """A command line that cannot work: a value out of range, or options that exclude each other."""


class FilterError(ConfigError):
    """A filter over images that cannot be read."""

    def __init__(self, message: str, *, start: int, stop: int) -> None:
        """Take what to say, and between which characters of the filter, from 0, the fault lies."""
        super().__init__(message)
        self.start = start
        self.stop = stop


class StorageError(TenfoldError, OSError):
    """An object store or folder that does not answer as it should."""


class UnsafeStoreError(StorageError):
    """A store that ignores create-only conditions: two writers could overwrite each other's work."""


class UnfitNameError(StorageError):
    """A store that cannot hold an object of that name, or not there: too long, or a file lies where a folder must."""


class UnreadableError(StorageError):
    """One object that its store does not give back, though it answers otherwise: a bad sector, copies that are lost."""


class StoreDownError(StorageError):
    """The whole store is out of reach or full, so the failure says nothing about the one object asked for."""


class SourceError(TenfoldError):
    """A source that is missing or empty, or one image of it that cannot be decoded."""


class RestoreError(TenfoldError, ValueError):
    """An image that cannot be written in the format asked for: transparency as JPEG, too large for WebP."""


class ArchiveError(TenfoldError):
    """Something about the content of an archive."""


class NoArchiveError(ArchiveError):
    """Nothing at that URL is an archive."""


class LostCatalogueError(NoArchiveError):
    """An archive was there, and its shards are; its catalogue is not."""


class NewerFormatError(ArchiveError):
    """An archive, or a shard, of a format that only newer releases understand."""


class UnknownKeyError(ArchiveError, KeyError):
    """The archive holds no image under that key."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0])


class LockedError(ArchiveError):
    """A nightly, adapt, prune, repair or rm holds the archive."""


class DamagedError(ArchiveError):
    """Bytes in the archive are not the bytes that were written."""
