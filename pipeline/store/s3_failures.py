"""What an S3 client and its store say when they fail, in our words."""

from __future__ import annotations

import aiohttp
from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 botocore's own
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from pipeline.errors import StorageError, StoreDownError, UnfitNameError
from pipeline.store.failures import missing, problem

BROKEN_OFF = (HTTPClientError, aiohttp.ClientError, TimeoutError)
"""A connection that ended early, perhaps in the middle of a body."""
_KEYS = "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN or AWS_PROFILE"

_REFUSED = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "RequestTimeTooSkewed",
}

_THROTTLED = "SlowDown"
_UNFIT_NAME = {"KeyTooLongError", "XMinioInvalidObjectName", "XMinioParentIsObject"}

_ADVICE = {
    "NoSuchBucket": ("a bucket", "check the bucket's name and the endpoint, or make the bucket"),
    "InvalidAccessKeyId": ("credentials the store knows", _KEYS),
    "SignatureDoesNotMatch": ("credentials the store accepts", _KEYS),
    "InvalidToken": ("a valid session token", _KEYS),
    "ExpiredToken": ("a valid session token", "log in again to get fresh credentials"),
    "AccessDenied": ("access", "ask for the right to list, read and write there, or check the credentials"),
    "403": ("access", "ask for the right to list, read and write there, or check the credentials"),
    "RequestTimeTooSkewed": ("matching clocks", "set the clock of this machine"),
    "PermanentRedirect": ("the bucket's own region", "set AWS_REGION to the region of the bucket"),
    "301": ("the bucket's own region", "set AWS_REGION to the region of the bucket"),
    "AuthorizationHeaderMalformed": ("the right region", "set AWS_REGION to the region of the bucket"),
    "KeyTooLongError": ("a name the store can hold", "shorten the name"),
    _THROTTLED: ("a store that keeps up", "use fewer workers, or try again later"),
}


def http_status(error: ClientError) -> int:
    """Of the answer; 0 when there was none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_throttled(error: Exception) -> bool:
    """Whether the store has more to do than it can, whatever object was asked for."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == _THROTTLED


def explained(error: Exception, where: str, endpoint: str, *, listing: bool = False) -> OSError:
    """A failure of the client or the store, worded.

    Args:
        where: URL of the object, or of the root.
        endpoint: of the store.
        listing: whether names were asked for: then nothing but the bucket can be missing.
    """
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = http_status(error)
        if status == 404 and listing:
            code = "NoSuchBucket"
        if status == 404 and code != "NoSuchBucket":
            return missing(where, f"{code or status}")
        expected, do = _ADVICE.get(
            code, ("the store to do as asked", "look the code up in the store's manual, or try again later")
        )
        said = "" if code in _ADVICE else f": {error.response.get('Error', {}).get('Message', '')}"
        got = f"{code} (HTTP {status}) from {endpoint}{said}"
        kind = StoreDownError if code in _REFUSED or status >= 500 else StorageError
        kind = UnfitNameError if code in _UNFIT_NAME else kind
        return problem(expected=expected, got=got, where=where, do=do, kind=kind)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return problem(
            expected="AWS credentials",
            got="none, or half of them",
            where=where,
            do=f"{_KEYS}, or set `anonymous: true` for a public bucket",
            kind=StoreDownError,
        )
    if isinstance(error, ProfileNotFound):
        return problem(
            expected="a profile of the AWS configuration", got=str(error), where=where, do="check AWS_PROFILE"
        )
    if isinstance(error, (ConnectionError, *BROKEN_OFF)):
        return problem(
            expected=f"an answer from {endpoint}",
            got=type(error).__name__,
            where=where,
            do="check AWS_ENDPOINT_URL (address, port, http or https) and that the store is up",
            kind=StoreDownError,
        )
    return problem(
        expected="a request the client can make",
        got=f"{type(error).__name__}: {error}",
        where=where,
        do="check the URL and the AWS configuration",
    )
