"""Whether a catalogue can be believed, and what of it is damaged that it can do without.

lost      it cannot be opened or read to its end, a file of the newest version is not what was sealed, keys repeat
derived   checkpoints, and Delta's hint at the last one, only repeat the log: without them the log is read
past      files that only older versions need: these versions are lost, and nothing else
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.delta_log import oldest_readable
from pipeline.archive.layout import (
    LAST_CHECKPOINT,
    LOG_FOLDER,
    SEALS_FOLDER,
    checkpoint_path,
    is_derived,
    log_number,
)
from pipeline.archive.seals import Sealed, damaged, read_seals, seal_without
from pipeline.archive.set_aside import SetAsideFolder, unfinished
from pipeline.archive.traces import was_archive
from pipeline.errors import ArchiveError, LostCatalogueError, NewerFormatError, NoArchiveError, StorageError
from pipeline.store.storage import Storage
from pipeline.verify.damage import Problem, damaged_catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueState:
    """What was found."""

    catalogue: Catalogue | None
    """Pinned to the version that was looked at; None when it is lost."""
    why_lost: str | None
    """Why it is."""
    past: tuple[Problem, ...] = ()
    """Damaged files that only older versions need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealsSeen:
    """The seals, and every sealed file held against them."""

    sealed: Sealed
    bad: dict[str, str]
    """Path -> what is wrong with it."""
    base: str | None
    """The checkpoint that stands for the part of the log that was pruned; None when the log is whole."""

    @property
    def dispensable(self) -> list[str]:
        """Damaged files that the catalogue can do without: seals, checkpoints, the hint."""
        return [
            path
            for path in self.bad
            if (is_derived(path) and path != self.base) or path.startswith(f"{SEALS_FOLDER}/")
        ]


def see_seals(archive: Storage) -> SealsSeen:
    """Read every seal, and every file that is sealed."""
    sealed = read_seals(archive)
    oldest = oldest_readable(info.path for info in archive.list(LOG_FOLDER))
    base = checkpoint_path(oldest) if oldest else None
    return SealsSeen(sealed=sealed, bad=dict(damaged(archive, sealed)), base=base)


def do_without(archive: Storage, seen: SealsSeen, set_aside: SetAsideFolder) -> None:
    """Put aside what is damaged and dispensable, and seal what stays as it was sealed.

    Killed anywhere, it can be done again: a file is unsealed only after it is gone.
    """
    derived = [path for path in seen.dispensable if is_derived(path)]
    if derived:
        derived += [LAST_CHECKPOINT]  # it may point at a checkpoint that goes
    set_aside.move(derived)
    kept = seal_without(archive, seen.sealed, lambda path: path in derived)
    set_aside.move([info.path for info in archive.list(SEALS_FOLDER) if info.path != kept])


def check_archive(archive: Storage) -> None:
    """Touch nothing that is no archive, or none of ours.

    Raises:
        NoArchiveError: there is none, and no trace of one.
        NewerFormatError: it is not ours to judge.
    """
    try:
        Catalogue(archive).version()
    except LostCatalogueError:
        pass
    except NoArchiveError:
        if not was_archive(archive):
            raise
    except NewerFormatError:
        raise
    except (ArchiveError, StorageError):
        pass  # an archive, and a case for repair


def diagnose(archive: Storage, seen: SealsSeen) -> CatalogueState:
    """Look at the catalogue.

    Raises:
        NewerFormatError: it is not ours to judge.
        StorageError: the store does not answer, so nothing is known: a catalogue counts as lost only by what our own
            reads, or its content, have shown.
    """
    if unfinished(archive):
        return CatalogueState(
            catalogue=None, why_lost="an earlier repair was killed while it replaced the catalogue"
        )
    needed = {path for path in seen.bad if _is_replayed(archive, path, seen)}
    try:
        catalogue = Catalogue(archive)
        catalogue = Catalogue(archive, as_of=catalogue.version())
        needed |= seen.bad.keys() & catalogue.files().keys()
        first = _first_problem(archive, catalogue, seen, needed)
    except NewerFormatError:
        raise
    except LostCatalogueError:
        return CatalogueState(catalogue=None, why_lost=f"there are shards, and no {LOG_FOLDER}")
    except (ArchiveError, StorageError) as error:
        if isinstance(error, StorageError) and not needed:
            raise
        return CatalogueState(catalogue=None, why_lost=str(error))
    if first is not None:
        return CatalogueState(catalogue=None, why_lost=f"{first.path}: {first.problem}")
    past = seen.bad.keys() - needed - set(seen.dispensable)
    return CatalogueState(
        catalogue=catalogue,
        why_lost=None,
        past=tuple(Problem(path=path, key=None, problem=seen.bad[path]) for path in sorted(past)),
    )


def _first_problem(
    archive: Storage, catalogue: Catalogue, seen: SealsSeen, needed: set[str]
) -> Problem | None:
    """What makes a catalogue that opens unfit all the same."""
    for path in sorted(needed):
        return Problem(path=path, key=None, problem=seen.bad[path])
    for problem in damaged_catalogue(archive, catalogue):
        return problem
    for _ in catalogue.scan():  # to its end
        pass
    return None


def _is_replayed(archive: Storage, path: str, seen: SealsSeen) -> bool:
    """Whether a file of the log must be read to know the newest version: no sound checkpoint is as young."""
    version = log_number(path)
    if version is None or (is_derived(path) and path != seen.base):
        return False
    checkpoints = [
        log_number(info.path) or 0
        for info in archive.list(LOG_FOLDER)
        if is_derived(info.path) and info.path not in seen.bad and info.path != LAST_CHECKPOINT
    ]
    return version > max(checkpoints, default=-1)
