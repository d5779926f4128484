"""Every verb that shows an image decodes its symbols once, and compares that checksum with the row."""

from __future__ import annotations

from pathlib import Path

import pytest

import pipeline.decode.resident_codecs
from pipeline.archive.weights import store_weights
from pipeline.config import CompressConfig, WorkersConfig
from pipeline.decode.archive import Archive
from pipeline.decode.run import DecodeRun
from pipeline.store.storage import Storage
from pipeline.verify.run import VerifyRun
from tests.support.image_archives import coded, fill
from tests.support.image_files import file_of, picture
from tests.support.plain_codec import PlainCodec, PlainLatents, load_plain

KEYS = ("a.png", "b.png", "c.png")
HERE = CompressConfig(workers=WorkersConfig(count=0))


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Payloads whose symbols were decoded, in this process."""
    seen: list[bytes] = []
    read = PlainCodec.read

    def counted(codec: PlainCodec, payload: bytes) -> PlainLatents:
        seen.append(payload)
        return read(codec, payload)

    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)
    monkeypatch.setattr(PlainCodec, "read", counted)
    return seen


@pytest.fixture
def storage(tmp_path: Path, decodes: list[bytes]) -> Storage:
    storage = Storage(tmp_path / "archive")
    fill(storage.url, [coded(key, file_of(picture(seed=n))) for n, key in enumerate(KEYS)])
    store_weights(storage, PlainCodec().weights)
    decodes.clear()
    return storage


def test_get_decodes_symbols_once(storage: Storage, decodes: list[bytes]) -> None:
    Archive(storage.url).get("a.png")
    assert len(decodes) == 1


def test_decode_decodes_symbols_once(storage: Storage, decodes: list[bytes], tmp_path: Path) -> None:
    DecodeRun(storage, Storage(tmp_path / "out"), HERE).run()
    assert len(decodes) == len(KEYS)


def test_verify_decodes_symbols_once(storage: Storage, decodes: list[bytes]) -> None:
    assert VerifyRun(storage, HERE, level="decode").run().decoded == len(KEYS)
    assert len(decodes) == len(KEYS)
