"""Packs: many images in one object, of bounded size, published whole under a name that holds their digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final, Literal

from pipeline.archive.layout import sha16
from pipeline.decode.deliver import Delivery
from pipeline.decode.file_names import safe_path
from pipeline.decode.tasks import WantedImage
from pipeline.errors import RestoreError
from pipeline.image.file_formats import FORMATS
from pipeline.packs.member import MemberFacts, PackMember
from pipeline.packs.parquet_pack import parquet_pack
from pipeline.packs.tar_pack import sample_file, tar_pack
from pipeline.store.storage import Storage
from pipeline.types import ShardRow

PackKind = Literal["tar", "parquet"]
_BUILDERS: Final[Mapping[PackKind, Callable[[Sequence[PackMember]], bytes]]] = {
    "tar": tar_pack,
    "parquet": parquet_pack,
}
_PACK: Final = re.compile(r"[0-9a-f]{16}-\d{6,}-[0-9a-f]{16}\.(tar|parquet)")


class PackOutlet:
    """The images of one task become one pack, in the order of the plan: the same images give the same bytes."""

    def __init__(self, destination: Storage, kind: PackKind, prefix: str) -> None:
        """Take the folder or bucket of the packs.

        Args:
            prefix: what the pack's name begins with: its job, and the number of its task.
        """
        self._destination = destination
        self._kind: PackKind = kind
        self._prefix = prefix
        self._members: dict[int, PackMember] = {}

    def put(self, wanted: WantedImage, row: ShardRow, delivery: Delivery) -> str:
        """Keep it for the pack."""
        asked = wanted.place(delivery.fmt).asked
        name = _sample_file(wanted, row, delivery) if self._kind == "tar" else asked
        facts = MemberFacts.of(
            row, width=delivery.width, height=delivery.height, generated_by=delivery.generated_by
        )
        self._members[wanted.position] = PackMember(name=name, data=delivery.data, facts=facts)
        return name

    def finish(self) -> str | None:
        """Publish the pack, unless no image came."""
        if not self._members:
            return None
        data = _BUILDERS[self._kind]([self._members[position] for position in sorted(self._members)])
        path = f"{self._prefix}-{sha16(data)}.{self._kind}"
        self._destination.create(path, data)  # what has this name holds these bytes
        return path


def check_no_other_packs(destination: Storage, job: str) -> None:
    """See that no packs of other jobs lie in a folder: who reads them all would read images twice.

    Raises:
        RestoreError: there are some.
    """
    others = [path for path in _packs_in(destination) if not path.startswith(job)]
    if others:
        raise RestoreError(
            f"Expected no packs yet in {destination.url}, got {len(others):,} of another job, such as {others[0]}: "
            "whoever reads all of them would read images twice. Choose another folder for this version, these images "
            "and these options."
        )


def remove_orphans(destination: Storage, job: str, packs: Collection[str]) -> None:
    """Remove the packs of a finished job that none of its results names: who wrote them was killed before it could
    say so, and on another machine the same images became other bytes."""
    names = set(packs)
    for path in list(_packs_in(destination)):
        if path.startswith(job) and path not in names:
            destination.delete(path)


def _packs_in(destination: Storage) -> Iterator[str]:
    paths = (info.path for info in destination.list(recursive=False))
    return (path for path in paths if _PACK.fullmatch(path))


def _sample_file(wanted: WantedImage, row: ShardRow, delivery: Delivery) -> str:
    """The whole key, or the whole name that was asked for, is the sample's: no two of a job are the same."""
    asked = wanted.place(delivery.fmt).asked
    stem = wanted.name or wanted.key
    if wanted.name is None and not asked.startswith(wanted.key):  # the extension was replaced, and it is free
        stem = asked.removesuffix(PurePosixPath(asked).suffix)
    if delivery.fmt is not None:
        extension = FORMATS[delivery.fmt][0]
    else:
        extension = PurePosixPath(wanted.key).suffix.lower() or f".{(row.source_format or 'bin').lower()}"
    return sample_file(safe_path(stem), extension)
