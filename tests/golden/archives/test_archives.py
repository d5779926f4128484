"""Archives that earlier releases wrote are read, verified, repaired, added to and pruned by this one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import PIL.Image
import pytest

from pipeline.archive import compaction
from pipeline.archive.catalogue import Catalogue
from pipeline.archive.seals import read_seals
from pipeline.archive.stored_plan import StoredPlan
from pipeline.compress.nightly import NightlyRun
from pipeline.compress.run_record import RunRecord, recorded_config
from pipeline.config import CodecConfig, CompressConfig, NightlyConfig, WorkersConfig
from pipeline.decode.archive import Archive
from pipeline.prune.retention import Retention
from pipeline.prune.run import PruneRun
from pipeline.repair.run import RepairRun
from pipeline.repair.summary import LostImage
from pipeline.source.source import SourceConfig
from pipeline.store.storage import Storage
from pipeline.types import CatalogueRow, Prior
from pipeline.verify.run import VerifyRun
from tests.golden import golden_weights
from tests.golden.archives.build import LOST, WORKSHOP, picture
from tests.support.prune_steps import age_marks

FOLDER: Final = Path(__file__).parent
HERE: Final = CompressConfig(workers=WorkersConfig(count=0))
STORED: Final = {"changed.png", "deep.png", "grey.png", "photo.jpg"}
TOLERANCE: Final = 2
"""Machines differ a little in the pixels that they decode."""


@pytest.fixture(params=sorted(path.name for path in FOLDER.iterdir() if (path / "rows.json").exists()))
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of everything that one release left."""
    return Path(shutil.copytree(FOLDER / request.param, tmp_path / "golden"))


@pytest.fixture
def archive(golden: Path) -> Storage:
    return Storage(golden / "archive")


def listed(golden: Path) -> dict[str, dict[str, Any]]:
    """What the release that wrote the archive said of it."""
    return {row["key"]: row for row in json.loads((golden / "rows.json").read_text())}


def rows(archive: Storage) -> dict[str, CatalogueRow]:
    return {row.key: row for row in Archive(archive.url).rows()}


def assert_decodes(archive: Storage, golden: Path, keys: set[str]) -> None:
    """Every image has the pixels that the release that wrote it decoded."""
    found = Archive(archive.url)
    for key in keys:
        name = key if key.endswith(".png") else f"{key}.png"
        with PIL.Image.open(golden / "decoded" / name) as image:
            expected = np.asarray(image).astype(int)
        assert np.abs(np.asarray(found.get(key)).astype(int) - expected).max() <= TOLERANCE, key


def assert_sound(archive: Storage) -> None:
    seen = VerifyRun(archive, HERE, level="decode").run()
    assert (seen.sound, seen.problems, seen.unsealed_versions) == (True, [], 0)


def reencoding(archive: Storage) -> Iterator[str]:
    """Runs that took lost images from their sources."""
    for info in archive.list("runs"):
        if info.path.endswith("/run.json") and json.loads(archive.read(info.path))["source"].get("lost_in"):
            yield info.path.split("/")[1]


def test_its_catalogue_is_put_in_order(archive: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    before, version = rows(archive), Catalogue(archive).version()
    monkeypatch.setattr(compaction, "_MOST_SMALL", 0)
    moved = Catalogue(archive).settle(run="tidy")
    assert moved > 1
    assert len(Catalogue(archive).files()) == 1
    assert rows(archive) == before
    assert {row.key: row for row in Archive(archive.url, as_of=version).rows()} == before
    assert Catalogue(archive).repeated_keys() == {}


def test_it_is_read(golden: Path, archive: Storage) -> None:
    now = rows(archive)
    for key, facts in listed(golden).items():
        row = asdict(now[key])
        assert {name: row[name] for name in facts} == facts
    assert_decodes(archive, golden, STORED)
    assert Archive(archive.url).read("photo.jpg").icc == b"a profile" * 20
    assert len(Catalogue(archive).versions()) == 6


def test_a_past_version_is_read(archive: Storage) -> None:
    past = Archive(archive.url, as_of=2)
    assert past.row("changed.png").run < rows(archive)["changed.png"].run
    assert past.row(LOST).status == "coded"


def test_it_is_sound(archive: Storage) -> None:
    assert_sound(archive)


def test_what_is_lost_is_still_lost_when_it_is_repaired(golden: Path, archive: Storage) -> None:
    summary = RepairRun(archive, HERE).run()
    assert summary.lost == [lost_image(golden)]
    assert (summary.changed, summary.problems) == (False, [])
    assert_sound(archive)


def test_the_lost_image_comes_back_with_its_shard(golden: Path, archive: Storage) -> None:
    shutil.copytree(golden / "returned", golden / "archive", dirs_exist_ok=True)
    would, did = RepairRun(archive, HERE, dry_run=True).run(), RepairRun(archive, HERE).run()
    assert (would.returned, would.lost) == (did.returned, did.lost) == (1, [])
    assert_decodes(archive, golden, {LOST, *STORED})
    assert_sound(archive)


def test_a_lost_catalogue_is_rebuilt_from_its_shards(golden: Path, archive: Storage) -> None:
    before = rows(archive)
    shutil.rmtree(golden / "archive/catalogue")
    summary = RepairRun(archive, HERE).run()
    assert rows(archive) == before
    assert summary.lost == [lost_image(golden)]
    assert_sound(archive)


def test_the_plan_of_a_run_for_lost_images_is_read(golden: Path, archive: Storage) -> None:
    (run,) = reencoding(archive)
    (image,) = StoredPlan(archive, run).load(0)
    assert image.prior == Prior(
        shard=_lost_shard(golden), sha256=rows(archive)[LOST].source_sha256, quality=40
    )


def test_a_run_for_lost_images_that_was_killed_is_resumed(archive: Storage) -> None:
    (run,) = reencoding(archive)
    archive.delete(f"runs/{run}/summary.json")
    (weights,) = (info.path.rpartition("/")[2] for info in archive.list("codec"))
    source = SourceConfig(url=f"{WORKSHOP}/archive", archived="lost")
    resumed = RunRecord.resume_or_start(archive, source, recorded_config(archive, run), weights=[weights])
    assert (resumed.run, resumed.resumed) == (run, True)


def test_rows_with_and_without_the_column_of_lost_shards(golden: Path, archive: Storage) -> None:
    before = rows(archive)
    (golden / "archive" / before["deep.png"].shard).unlink()
    summary = RepairRun(archive, HERE).run()
    now = rows(archive)
    assert {key for key, row in now.items() if row.lost_shard is not None} == {LOST, "deep.png"}
    assert now["deep.png"].lost_shard == before["deep.png"].shard
    assert now[LOST].lost_shard == _lost_shard(golden)
    assert [image.key for image in summary.lost] == ["deep.png", LOST]
    assert_sound(archive)


def test_a_night_adds_to_it(golden: Path, archive: Storage) -> None:
    source = golden / "source"
    source.mkdir()
    picture(9).save(source / "new.png")
    config = HERE.model_copy(
        update={
            "codec": CodecConfig(id="hyper-1", weights=str(golden_weights("hyper-1")), min_psnr_db=0),
            "lossless": "never",
        }
    )
    night = NightlyRun(NightlyConfig(source=str(source), archive=archive.url), config).run()
    assert [run.coded for run in night.runs] == [1]
    assert set(rows(archive)) == {*listed(golden), "new.png"}
    assert_decodes(archive, golden, STORED)
    assert_sound(archive)


def test_it_is_pruned(golden: Path, archive: Storage) -> None:
    retention = Retention(keep_versions=1, grace=timedelta(days=1))
    assert PruneRun(archive, retention).apply().marked.shards == 2, "what was changed, and what was lost"
    age_marks(archive)
    summary = PruneRun(archive, retention).apply()
    assert (summary.removed.shards, summary.readable_from) == (2, 5)
    assert_decodes(archive, golden, STORED)
    assert_sound(archive)
    assert not read_seals(archive).broken


def lost_image(golden: Path) -> LostImage:
    """As the release that wrote the archive told of it, in a sentence alone."""
    return LostImage(key=LOST, reason=listed(golden)[LOST]["reason"], lost_shard=_lost_shard(golden))


def _lost_shard(golden: Path) -> str:
    (path,) = (golden / "returned").rglob("*.parquet")
    return path.relative_to(golden / "returned").as_posix()
