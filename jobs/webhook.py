"""Tells a web address how a run ended: one JSON document, in the form that chat services take too."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlsplit

from jobs.terminal.output import say
from pipeline.compress.nightly import NightlySummary
from pipeline.decode.summary import DecodeSummary
from pipeline.errors import ConfigError

_ATTEMPTS: Final = 3
_TIMEOUT_S: Final = 10
_PAUSE_S: Final = 1.0


def check_webhook(url: str) -> None:
    """Fail before the work, not after it.

    Raises:
        ConfigError: it is no http(s) URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("Expected an http(s) URL as webhook, got something else; correct --webhook.")


def tell_webhook(
    url: str, *, archive: str, text: str, code: int, summary: NightlySummary | DecodeSummary | None
) -> None:
    """POST the outcome; a webhook that does not take it is told of on stderr, and changes nothing.

    Args:
        text: the outcome in a line or two.
        code: the exit code.
        summary: None when an error ended the run.
    """
    body: dict[str, Any] = {
        "text": text,
        "archive": archive,
        "ok": code == 0,
        "exit_code": code,
        "summary": None if summary is None else asdict(summary),
    }
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "tenfold"},
        method="POST",
    )
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S):
                return
        except (
            OSError,
            ValueError,
        ) as error:  # the URL may hold a token: neither it nor what quotes it is shown
            reason = (
                f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
            )
            if attempt == _ATTEMPTS:
                say(f"The webhook at {urlsplit(url).hostname} did not take the outcome: {reason}.")
                return
        time.sleep(_PAUSE_S * attempt)
