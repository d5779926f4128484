"""The lease: one nightly, adapt, prune, repair or rm at a time on an archive, whoever starts it and wherever.

    locks/<epoch>.json      who holds it, and until when; the highest epoch is the one that counts

A lease saves money and confusion; the catalogue's commits lose nothing without it. A holder takes it by creating the
next epoch's object, which one of many racers can do, and renews it while it lives. It is free again when it was
released, when it expired, or when its holder was a process of this machine that has ended. Expiry goes by clocks:
those of the machines must agree within a minute or so.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pipeline.archive.layout import LOCKS_FOLDER, lock_epoch, lock_path
from pipeline.errors import LockedError, UnreadableError
from pipeline.store.storage import Storage

_TTL: Final = timedelta(minutes=5)
_RENEWALS_PER_TTL: Final = 5
_BELIEVED: Final = timedelta(days=1)
"""A lease that ends later than this from now was written by a clock that is wrong, and would hold for years."""
_RACES: Final = 8
_held: set[str] = set()
"""Tokens of the leases that this process holds. A lease is over without its token, even if the store still shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lease, as its object says."""

    verb: str
    machine: str
    """Host name and process namespace, within which `process` is unique."""
    process: str
    """Process id and start time."""
    token: str
    since: str
    until: str
    """UTC, ISO 8601."""

    def is_alive(self, now: datetime) -> bool:
        """Whether the lease counts: it has not expired, nor has a holder on this machine released it or ended.

        Raises:
            ValueError, TypeError: it is not what was written.
        """
        if not now < datetime.fromisoformat(self.until) <= now + _BELIEVED:
            return False
        if self.machine != _machine():
            return True
        return self.token in _held if self.process == _own_process() else _is_running(self.process)


class Lease:
    """Holds an archive while its `with` block runs. Use once."""

    def __init__(self, archive: Storage, *, verb: str) -> None:
        """Contact nothing yet."""
        self._archive = archive
        self._verb = verb
        self._epoch = 0
        self._ended = threading.Event()
        self._was_lost = threading.Event()
        self._holder = _this_process(verb)
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        """Take the lease.

        Raises:
            LockedError: someone else holds it.
        """
        try:
            self._take()
        except BaseException:
            _held.discard(self._holder.token)
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lease; when the store does not answer, it expires by itself."""
        self._ended.set()
        self._thread.join()
        _held.discard(self._holder.token)
        if not self.is_lost:
            with contextlib.suppress(OSError):
                self._write(replace(self._holder, until=_text(datetime.now(UTC))))

    @property
    def is_lost(self) -> bool:
        """Whether somebody else took over, or could have: the store was out of reach for too long."""
        return self._was_lost.is_set()

    def check(self) -> None:
        """See that the archive may still be changed.

        Raises:
            LockedError: not any more, because the lease is lost.
        """
        if self.is_lost:
            raise LockedError(
                f"Expected to hold the lease of {self._archive.url} ({self._verb}) until the end, got no answer from "
                "its store for minutes, so that another may have taken over. What is done stays; run the same "
                "command again."
            )

    def _take(self) -> None:
        for _ in range(_RACES):
            epoch, holder = self._newest()
            if holder is not None and holder.is_alive(datetime.now(UTC)):
                raise _locked(self._archive, self._verb, holder)
            self._epoch = epoch + 1
            self._holder = _renewed(self._holder)
            _held.add(self._holder.token)
            if not self._archive.create(lock_path(self._epoch), _record(self._holder)):
                continue
            newest, holder = self._newest()
            if newest == self._epoch:
                for older in self._epochs():
                    if older < self._epoch:
                        self._archive.delete(lock_path(older))
                return
            self._archive.delete(
                lock_path(self._epoch)
            )  # others had removed an old epoch, whose name this took
        raise LockedError(
            f"Expected the lease of {self._archive.url}, got outrun by others {_RACES} times. Try again later."
        )

    def _keep(self) -> None:
        while not self._ended.wait(_TTL.total_seconds() / _RENEWALS_PER_TTL):
            try:
                if max(self._epochs(), default=0) > self._epoch:
                    self._was_lost.set()
                    return
                self._write(_renewed(self._holder))
            except OSError:
                if datetime.fromisoformat(self._holder.until) <= datetime.now(UTC):
                    self._was_lost.set()
                    return

    def _write(self, holder: Holder) -> None:
        self._archive.write(lock_path(self._epoch), _record(holder))
        self._holder = holder

    def _epochs(self) -> list[int]:
        epochs = (lock_epoch(info.path) for info in self._archive.list(LOCKS_FOLDER))
        return [epoch for epoch in epochs if epoch is not None]

    def _newest(self) -> tuple[int, Holder | None]:
        """The highest epoch and its holder; None where there is none, or its object is no lease."""
        epoch = max(self._epochs(), default=0)
        try:
            holder = Holder(**json.loads(self._archive.read(lock_path(epoch)))) if epoch else None
            if holder is not None:
                holder.is_alive(datetime.now(UTC))  # whether that can be said
        except (FileNotFoundError, UnreadableError, ValueError, TypeError):
            return epoch, None
        return epoch, holder


def _locked(archive: Storage, verb: str, holder: Holder) -> LockedError:
    who = f"{'an' if holder.verb.startswith('a') else 'a'} {holder.verb}"
    return LockedError(
        f"Expected to be the only one to change {archive.url} ({verb}), got the lease of {who} that runs "
        f"since {holder.since} on {holder.machine}, process {holder.process.partition(' ')[0]}. Let it end; should it "
        f"be dead, its lease ends at {holder.until}."
    )


def _this_process(verb: str) -> Holder:
    now = datetime.now(UTC)
    return Holder(
        verb=verb,
        machine=_machine(),
        process=_own_process(),
        token=secrets.token_hex(8),
        since=_text(now),
        until=_text(now + _TTL),
    )


def _renewed(holder: Holder) -> Holder:
    return replace(holder, until=_text(datetime.now(UTC) + _TTL))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _record(holder: Holder) -> bytes:
    return (json.dumps(asdict(holder), indent=2) + "\n").encode()


def _machine() -> str:
    try:
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux: each process counts as a machine, so its leases end by time alone
        return f"{platform.node()} {secrets.token_hex(8)}"


def _own_process() -> str:
    return f"{os.getpid()} {_started(os.getpid())}"


def _is_running(process: str) -> bool:
    pid, _, started = process.partition(" ")
    return _started(int(pid)) == started


def _started(pid: int) -> str | None:
    """When a process started, in ticks since the machine did; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]
