"""What lies where in a tar, read from its headers alone; a damaged one is read as far as it goes, and beyond.

Tarfile ends a listing without a word where a header is damaged or the file is cut off. Here every byte between members
is looked at: zeros are an end mark, behind which another tar may follow; anything else is damage, and is told.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from pipeline.errors import StorageError
from pipeline.store.failures import problem

_BLOCK: Final = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in a tar."""

    name: str
    """As its header has it, without `./`; bytes that are no text as surrogates, as in `os`."""
    size: int
    offset: int
    """Where its headers begin in the (uncompressed) tar."""
    length: int
    """Of its headers and stored bytes."""


@dataclass(slots=True, kw_only=True)
class TarIndex:
    """The files of a tar, in the order in which they lie there."""

    members: dict[str, Member] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    """Symbolic links to members, and what they lead to."""
    dangling: list[str] = field(default_factory=list)
    """Links that lead to nothing in the tar."""
    replaced: int = 0
    """Members that a later one of the same name takes the place of."""
    special: int = 0
    """Devices and pipes."""
    damage: str | None = None
    """Why there may have been more members than these."""


def read_index(file: BinaryIO, size: int) -> TarIndex:
    """Read every header of an uncompressed tar of `size` bytes.

    Raises:
        StorageError: the file could not be read.
    """
    index = TarIndex()
    soft: dict[str, str] = {}
    for member, end in _Headers(file, size, index):
        name = plain_name(member.name)
        if member.issym():
            soft[name] = _target(name, member.linkname)
        elif member.islnk():
            _add_hard_link(index, name, plain_name(member.linkname))
        elif member.isreg():
            _add(index, name, _described(name, member, end))
        elif not member.isdir():
            index.special += 1
    for name, target in soft.items():
        if name in index.members:
            index.replaced += 1
        elif target in index.members:
            index.links[name] = target
        else:
            index.dangling.append(name)
    return index


def member_bytes(data: bytes, name: str, where: str) -> bytes:
    """The content of a member.

    Args:
        data: its headers and stored bytes.
        name: which member that must be.
        where: URL, for messages.
    Raises:
        StorageError: it is another one, or none: the tar was written anew.
    """
    try:
        with _opened(io.BytesIO(data)) as tar:
            member = tar.next()
            stream = tar.extractfile(member) if member and plain_name(member.name) == name else None
            if stream is not None:
                return stream.read()
    except (tarfile.TarError, ValueError):
        pass
    raise problem(
        expected=f"the tar's member {name!r}",
        got="something else in its place",
        where=where,
        do="the tar was written anew or is damaged; the same command takes in what is there by then",
    )


def plain_name(name: str) -> str:
    """A member's name without the `./` that many tars begin names with."""
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name


class _Headers:
    """The headers of a tar, and what lies between its members."""

    def __init__(self, file: BinaryIO, size: int, index: TarIndex) -> None:
        self._file = file
        self._size = size
        self._index = index

    def __iter__(self) -> Iterator[tuple[tarfile.TarInfo, int]]:
        """Each whole member, and where it ends."""
        end = 0
        try:
            with _opened(self._file) as tar:
                while (member := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # tarfile would hold them all
                    self._look_between(end, member.offset)
                    end = tar.offset
                    if _stored_end(member, end) > self._size:
                        break
                    yield member, end
        except StorageError:
            raise
        except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
            self._damaged(end, str(error))
            return
        self._look_behind(end)

    def _look_between(self, end: int, start: int) -> None:
        if start > end and self._block(end).strip(b"\0"):
            self._damaged(end, "no header is there")

    def _look_behind(self, end: int) -> None:
        if end > self._size - _BLOCK:
            self._index.damage = f"it ends early, at byte {self._size:,}: there is no end mark"
        elif self._block(end).strip(b"\0"):
            self._damaged(end, "no header is there")

    def _block(self, at: int) -> bytes:
        self._file.seek(at)
        return self._file.read(_BLOCK)

    def _damaged(self, at: int, what: str) -> None:
        self._index.damage = self._index.damage or f"it is damaged at byte {at:,}: {what}"


def _opened(file: BinaryIO) -> tarfile.TarFile:
    return tarfile.TarFile(
        fileobj=file, mode="r", ignore_zeros=True, encoding="utf-8", errors="surrogateescape"
    )


def _stored_end(member: tarfile.TarInfo, padded_end: int) -> int:
    """Where the stored bytes of a member end; those of a sparse one with their padding."""
    return padded_end if member.issparse() or not member.isreg() else member.offset_data + member.size


def _described(name: str, member: tarfile.TarInfo, padded_end: int) -> Member:
    length = _stored_end(member, padded_end) - member.offset
    return Member(name=name, size=member.size, offset=member.offset, length=length)


def _add(index: TarIndex, name: str, member: Member) -> None:
    if index.members.pop(name, None) is not None:  # the later one takes its own place in the order
        index.replaced += 1
    index.members[name] = member


def _add_hard_link(index: TarIndex, name: str, target: str) -> None:
    member = index.members.get(target)
    if member is None:
        index.dangling.append(name)
    elif name != target:
        _add(index, name, member)


def _target(name: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))
