"""What verbs send to workers of a cluster, and what comes back, survives the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from pipeline.config import WorkersConfig
from pipeline.workers.pool import WorkerSpec
from tests.support.road import tenfold
from tests.support.sent_pool import SentPool

CODEC = ("--codec", "ae-zfp-1", "--quality", "30")
SENT = ("--workers", "1", "--json")


def test_every_kind_of_worker_works_from_afar(
    small_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    did: list[str] = []

    def sent(spec: WorkerSpec[object], config: WorkersConfig) -> SentPool:
        did.append(spec.does)
        return SentPool(spec, config)

    monkeypatch.setattr("pipeline.workers.ray_pool.RayPool", sent)
    source, archive = tmp_path / "source", tmp_path / "archive"
    source.mkdir()
    for photo in sorted(small_photos.iterdir())[:2]:
        with PIL.Image.open(photo) as opened:
            opened.crop((0, 0, 128, 96)).save(source / photo.name)
    assert tenfold("compress", source, archive, *SENT, *CODEC).json()["coded"] == 2
    assert tenfold("preview", archive, *SENT).code == 0
    report = tenfold("report", archive, "--out", tmp_path / "report", "--sample", "1", *SENT).json()
    assert report["contest"]["compared"] == 1
    assert tenfold("decode", archive, tmp_path / "decoded", *SENT).json()["written"] == 2

    (shard,) = archive.glob("shards/*/*.parquet")
    damaged = bytearray(shard.read_bytes())
    damaged[tenfold("ls", archive, "--json").json()[0]["payload_offset"] + 60] ^= 4
    shard.write_bytes(damaged)
    (archive / "lost/20261121T120000Z").mkdir(parents=True)
    (archive / "lost/20261121T120000Z/repairing.json").write_text(
        "{}"
    )  # its catalogue is to be made again, too
    repaired = tenfold("repair", archive, *SENT).json()
    assert (repaired["rebuilt"]["images"], repaired["rebuilt"]["unknown"]) == (2, [])
    assert (repaired["salvaged"], repaired["encoded_again"], repaired["lost"]) == (1, 1, [])
    verified = tenfold("verify", archive, "--level", "decode", *SENT).json()
    assert (verified["sound"], verified["decoded"]) == (True, 2)

    for number in range(24):
        noise = np.random.default_rng(number).integers(0, 255, (40, 40, 3), np.uint8)
        PIL.Image.fromarray(noise).save(source / f"{number}.bmp")
    adapted = tenfold("adapt", source, tmp_path / "adapted", "--ray-address", "auto", "--json")
    assert "too few images to learn from: of" in adapted.out + adapted.err

    assert set(did) == {"encode", "preview", "compare", "decode", "salvage", "rebuild", "verify", "adapt"}
