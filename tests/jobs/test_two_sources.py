"""Two sources, or two runs, with the same keys: what takes the place of what is said."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.archive.weights import store_weights
from pipeline.store.storage import Storage
from tests.support.road import Ran, tenfold


def test_a_second_source_with_the_same_names_is_said(tmp_path: Path, small_photos: Path) -> None:
    first, second = sorted(small_photos.iterdir())[:2]
    archive = tmp_path / "archive"
    for folder, photo in (("one", first), ("two", second)):
        (tmp_path / folder).mkdir()
        shutil.copy(photo, tmp_path / folder / "a.png")
    assert "another source" not in tenfold("compress", tmp_path / "one", archive, "--workers", "0").out
    ran = tenfold("compress", tmp_path / "two", archive, "--workers", "0")
    assert "from another source, under the same keys: 1 image. Older versions still have those" in ran.out
    assert f"a.png was of {tmp_path}/one/a.png" in ran.out
    (tmp_path / "two/a.png").write_bytes(first.read_bytes())  # changed where it is
    ran = tenfold("compress", tmp_path / "two", archive, "--workers", "0", "--json")
    assert (ran.json()["images"], ran.json()["displacing"]) == (1, 0)


def test_a_run_beside_another_one_says_whose_images_it_displaced(
    tmp_path: Path, small_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "archive"
    for folder, photo in zip(("one", "two"), sorted(small_photos.iterdir())[:2], strict=True):
        (tmp_path / folder).mkdir()
        shutil.copy(photo, tmp_path / folder / "a.png")

    def meanwhile(storage: Storage, weights: Mapping[str, bytes]) -> None:
        monkeypatch.setattr("pipeline.compress.run.store_weights", store_weights)
        store_weights(storage, weights)
        assert tenfold("compress", tmp_path / "two", archive, "--workers", "0").code == 0

    monkeypatch.setattr("pipeline.compress.run.store_weights", meanwhile)
    summary = tenfold("compress", tmp_path / "one", archive, "--workers", "0", "--json").json()
    assert (summary["images"], summary["displacing"]) == (1, 1)
    assert summary["displaced"] == [{"key": "a.png", "source_url": f"{tmp_path}/two/a.png"}]


def test_images_that_another_run_stored_first_are_said(
    tmp_path: Path, small_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, archive = tmp_path / "source", tmp_path / "archive"
    source.mkdir()
    shutil.copy(sorted(small_photos.iterdir())[0], source)
    others: list[Ran] = []

    def meanwhile(storage: Storage, weights: Mapping[str, bytes]) -> None:
        monkeypatch.setattr("pipeline.compress.run.store_weights", store_weights)
        store_weights(storage, weights)
        others.append(tenfold("compress", source, archive, "--workers", "0", "--quality", "20"))

    monkeypatch.setattr("pipeline.compress.run.store_weights", meanwhile)
    ran = tenfold("compress", source, archive, "--workers", "0", "--quality", "40")
    assert ([other.code for other in others], ran.code) == ([0], 0)
    assert "Stored by another run in the meantime, which counts: 1 image." in ran.out
    assert "Nothing new" not in ran.out
    assert [row["quality"] for row in tenfold("ls", archive, "--json").json()] == [20]
