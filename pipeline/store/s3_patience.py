"""What botocore tells of its own attempts."""

from __future__ import annotations

from typing import Any, Final

from pipeline.store.patience import note_answer, note_failure

AFTER_AN_ATTEMPT: Final = "needs-retry.s3"


def note_attempt(
    *,
    endpoint: Any,
    attempts: int,
    response: Any = None,
    caught_exception: Exception | None = None,
    request_dict: dict[str, Any],
    **_: Any,
) -> None:
    """Note how an attempt ended, as a handler of `AFTER_AN_ATTEMPT` that decides nothing."""
    has_failed = caught_exception is not None or response is None or response[0].status_code >= 500
    if has_failed:
        most = request_dict.get("context", {}).get("retries", {}).get("max", attempts)
        note_failure(endpoint.host, attempt=attempts, most=most)
    else:
        note_answer(endpoint.host)
