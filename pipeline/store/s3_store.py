"""A store in an S3 bucket, spoken to through s3fs' client: one request per operation, keys passed unchanged.

Going through the client and not through s3fs' file methods keeps keys exact (s3fs strips slashes and reads
`?versionId=` out of names), keeps one GET one GET, and keeps the server's error codes.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from pipeline.errors import StoreDownError, UnsafeStoreError
from pipeline.store.backend import Notice, ObjectInfo, Page
from pipeline.store.failures import problem, short_read
from pipeline.store.one_object import ReadFailures
from pipeline.store.patience import note_answer, note_failure
from pipeline.store.s3_failures import BROKEN_OFF, explained, http_status, is_throttled
from pipeline.store.s3_listing import listed
from pipeline.store.s3_pages import EVENT, Names, described, names_of, take_page
from pipeline.store.s3_patience import AFTER_AN_ATTEMPT, note_attempt

_TOKEN = "tenfold-attempt"
_CREATE_TRIES = 6
_BUSY_TRIES = 12
_LONGEST_PAUSE_S = 30.0
_PAGE = 1000

Run = Callable[..., Any]
"""Runs an async function with its arguments on the filesystem's event loop, and returns its result."""


class S3Store:
    """Objects below one prefix of a bucket."""

    def __init__(
        self,
        *,
        bucket: str,
        prefix: str,
        retries: int,
        connect: Callable[[bool], tuple[Any, Run]],
        endpoint: str | None,
    ) -> None:
        """Contact nothing yet.

        Args:
            connect: makes (s3fs filesystem, runner); True asks for one that gives up early.
            endpoint: for messages only; None means AWS.
        """
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._retries = retries
        self._connect = connect
        self._endpoint = endpoint or "AWS"
        self._session: tuple[Any, Run] | None = None
        self._lock = threading.Lock()
        self._read_failures = ReadFailures()

    def read(self, path: str) -> bytes:
        """All bytes of an object, in one GET."""
        return self._get(path, {})

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`, in one GET."""
        if length == 0:
            return b""
        try:
            data = self._get(path, {"Range": f"bytes={offset}-{offset + length - 1}"})
        except _OutOfRangeError:
            raise short_read(self._where(path), offset=offset, length=length, got=0) from None
        if len(data) != length:
            raise short_read(self._where(path), offset=offset, length=length, got=len(data))
        return data

    def write(self, path: str, data: bytes) -> None:
        """One PUT."""
        self._call("put_object", path, Body=data)

    def create(self, path: str, data: bytes) -> bool:
        """One conditional PUT, and the questions needed to know who won.

        A retry inside the client may meet the object its own lost attempt has written, and then be told
        that it exists. So every call marks its object with a token of its own and, when in doubt, looks
        whose object is there. Some stores answer 409 while two writers race: that says nothing, ask again.
        """
        token = uuid.uuid4().hex
        where = self._where(path)
        last: Exception | None = None
        for attempt in range(_CREATE_TRIES):
            try:
                self._raw("put_object", path, Body=data, IfNoneMatch="*", Metadata={_TOKEN: token})
            except ClientError as error:
                if http_status(error) not in (409, 412):
                    raise explained(error, where, self._endpoint) from error
                last = error
            except BotoCoreError as error:  # no answer: the object may be there all the same
                if self._owner_after_doubt(path) == token:
                    return True
                raise explained(error, where, self._endpoint) from error
            else:
                return True
            owner = self._owner(path)
            if owner is not None:
                return owner == token
            time.sleep(min(0.05 * 2**attempt, 1.0))
        raise problem(
            expected="an answer to a conditional write",
            got=f"a conflict {_CREATE_TRIES} times, and no object",
            where=where,
            do="check that nothing else keeps creating and deleting this name, then try again",
        ) from last

    def pages(
        self, prefix: str, *, recursive: bool, exclude: frozenset[str], notice: Notice | None
    ) -> Iterator[Page]:
        """The store's answers; wide folders are listed side by side (s3_listing.py)."""
        below = self._prefix + (f"{prefix}/" if prefix else "")
        hidden = tuple(f"{name}/" for name in exclude)

        def is_wanted(path: str) -> bool:  # "folder" markers made by consoles are no objects of anyone's
            return not path.endswith("/") and path not in exclude and not path.startswith(hidden)

        def skip(folder: str) -> bool:
            return folder[len(self._prefix) :].startswith(hidden)

        answers = listed(self._names, below, skip=skip) if recursive else self._level(below)
        for page in answers:
            yield page.below(len(self._prefix), is_wanted)

    def _level(self, prefix: str) -> Iterator[Page]:
        """The objects directly below a prefix."""
        names = self._names(prefix, level=True)
        yield names.page
        while names.token is not None:
            names = self._names(prefix, level=True, token=names.token)
            yield names.page

    def _names(self, prefix: str, *, level: bool = False, token: str | None = None) -> Names:
        request: dict[str, Any] = {"Prefix": prefix, "MaxKeys": _PAGE}
        if level:
            request["Delimiter"] = "/"
        if token is not None:
            request["ContinuationToken"] = token
        return names_of(self._call("list_objects_v2", None, **request))

    def info(self, path: str) -> ObjectInfo:
        """Size, etag and time from a HEAD."""
        try:
            head = self._raw("head_object", path)
        except (ClientError, BotoCoreError) as error:
            raise self._read_failed(error, path) from error
        return described({"Key": path, "Size": head["ContentLength"], **head})

    def delete(self, path: str) -> None:
        """Remove an object; S3 does not say whether there was one."""
        self._call("delete_object", path)

    def unfinished(self) -> Iterator[ObjectInfo]:
        """None: an object is one request."""
        return iter(())

    def check_readable(self) -> None:
        """List one name, giving up early, but for a store that is busy: it is there."""
        one: dict[str, Any] = {"Prefix": self._prefix, "MaxKeys": 1}
        try:
            self._raw("list_objects_v2", None, early=True, **one)
        except (ClientError, BotoCoreError) as error:
            if not is_throttled(error):
                raise explained(error, self._where(""), self._endpoint, listing=True) from error
            self._call("list_objects_v2", None, **one)

    def check_writable(self) -> None:
        """Create a probe twice: the second must be refused, or two writers would overwrite each other."""
        self.check_readable()
        probe = f".tenfold-probe-{uuid.uuid4().hex}"
        try:
            self.create(probe, b"tenfold can write here\n")
            if self.create(probe, b"and must not be able to write twice\n"):
                raise UnsafeStoreError(
                    "Expected a store that honours If-None-Match, got two successful create-only writes of one name "
                    f"at {self._where(probe)}; use a store with conditional writes: here two jobs could overwrite "
                    "each other's work."
                )
        finally:
            with suppress(OSError):  # a policy without delete rights leaves the probe: it is tiny and inert
                self.delete(probe)

    def credentials(self) -> tuple[str, str, str | None] | None:
        """Access key, secret and session token of the client's own credential chain; None when anonymous.

        Raises:
            StorageError: the chain ends without any.
        """
        filesystem, run = self._open()

        async def ask() -> tuple[str, str, str | None] | None:
            await filesystem.set_session()
            found = await filesystem.session.get_credentials()
            if found is None:
                raise NoCredentialsError
            frozen = await found.get_frozen_credentials()
            return frozen.access_key, frozen.secret_key, frozen.token

        if filesystem.anon:
            return None
        try:
            answer: tuple[str, str, str | None] | None = run(ask)
        except BotoCoreError as error:
            raise explained(error, self._where(""), self._endpoint) from error
        return answer

    def client_facts(self) -> tuple[str, str | None]:
        """Endpoint URL and region the client settled on, from options, environment and profile."""
        filesystem, run = self._open()

        async def ask() -> tuple[str, str | None]:
            client = await filesystem.set_session()
            return client.meta.endpoint_url, client.meta.region_name

        try:
            answer: tuple[str, str | None] = run(ask)
        except BotoCoreError as error:
            raise explained(error, self._where(""), self._endpoint) from error
        return answer

    def _open(self, *, early: bool = False) -> tuple[Any, Run]:
        if early:
            return self._connect(True)
        with self._lock:
            if self._session is None:
                self._session = self._connect(False)
            return self._session

    def _raw(self, operation: str, path: str | None, *, early: bool = False, **request: Any) -> Any:
        """One S3 operation with botocore's own retries and errors."""
        filesystem, run = self._open(early=early)
        if path is not None:
            request["Key"] = self._prefix + path

        async def ask() -> Any:
            client = await _watched(filesystem)
            return await getattr(client, operation)(Bucket=self._bucket, **request)

        return run(ask) if early else self._patiently(run, ask)

    def _patiently(self, run: Run, ask: Callable[[], Any]) -> Any:
        """Make a request again while the store has too much to do: botocore gives up within seconds, sooner the more
        requests there are, and a bucket that grows for many workers takes minutes."""
        for attempt in range(1, _BUSY_TRIES + 1):
            try:
                answer = run(ask)
            except ClientError as error:
                if not is_throttled(error):
                    raise
                note_failure(self._endpoint, attempt=attempt, most=_BUSY_TRIES)
                if attempt == _BUSY_TRIES:
                    raise
                time.sleep(random.uniform(0.5, 1) * min(2.0**attempt, _LONGEST_PAUSE_S))
            else:
                note_answer(self._endpoint)
                return answer
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _call(self, operation: str, path: str | None, **request: Any) -> Any:
        try:
            return self._raw(operation, path, **request)
        except (ClientError, BotoCoreError) as error:
            listing = path is None
            raise explained(error, self._where(path or ""), self._endpoint, listing=listing) from error

    def _get(self, path: str, request: dict[str, str]) -> bytes:
        filesystem, run = self._open()

        async def ask() -> bytes:
            client = await _watched(filesystem)
            answer = await client.get_object(Bucket=self._bucket, Key=self._prefix + path, **request)
            try:
                async with answer["Body"] as body:
                    data: bytes = await body.read()
                    return data
            except BROKEN_OFF as error:
                raise _BrokenBodyError from error

        for attempt in range(1, self._retries + 1):
            try:
                data: bytes = self._patiently(run, ask)
            except _BrokenBodyError as broken:  # which botocore does not retry, as it has all else
                if attempt == self._retries:
                    cause = broken.__cause__
                    assert isinstance(cause, Exception), "raised from what broke the body off"
                    raise self._read_failed(cause, path) from cause
                note_failure(self._endpoint, attempt=attempt, most=self._retries)
                time.sleep(min(0.1 * 2**attempt, 5.0))
            except (ClientError, BotoCoreError, *BROKEN_OFF) as error:
                if isinstance(error, ClientError) and http_status(error) == 416:
                    raise _OutOfRangeError from error
                raise self._read_failed(error, path) from error
            else:
                self._read_failures.succeeded()
                return data
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _read_failed(self, error: Exception, path: str) -> OSError:
        """A failure to read an object, worded: that of its store only where nothing else can be read either."""
        worded = explained(error, self._where(path), self._endpoint)
        if not isinstance(worded, StoreDownError) or is_throttled(error):
            return worded
        return self._read_failures.judged(worded, self.check_readable)

    def _owner(self, path: str) -> str | None:
        """Token of the object there; '' when it has none; None when there is no object."""
        try:
            head = self._call("head_object", path)
        except FileNotFoundError:
            return None
        return str(head.get("Metadata", {}).get(_TOKEN, ""))

    def _owner_after_doubt(self, path: str) -> str | None:
        try:
            return self._owner(path)
        except OSError:  # the store is still not answering: the first error is the one to report
            return None

    def _where(self, path: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{path}"


async def _watched(filesystem: Any) -> Any:
    """The client, with handlers of its events: a name registers once."""
    client = await filesystem.set_session()
    for event, handler in ((EVENT, take_page), (AFTER_AN_ATTEMPT, note_attempt)):
        client.meta.events.register(event, handler, unique_id=handler.__name__)
    return client


class _OutOfRangeError(Exception):
    """416: the range starts past the end."""


class _BrokenBodyError(Exception):
    """The connection ended in the middle of an object; raised from what said so."""
