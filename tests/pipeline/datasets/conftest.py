"""What tests of datasets share."""

from __future__ import annotations

import pytest

import pipeline.decode.resident_codecs
from tests.support.plain_codec import load_plain


@pytest.fixture(autouse=True)
def _plain_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)
