"""`tenfold repair` as a person meets it: words, JSON, exit codes; in this process. A bucket is repaired in
tests/pipeline/repair/test_shards.py."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.lease import Lease
from pipeline.archive.seals import seal
from pipeline.archive.shards import build_shard, publish
from pipeline.store.storage import Storage
from tests.support.road import tenfold
from tests.support.shard_rows import make_row

CODEC = ("--codec", "ae-zfp-1", "--quality", "30")
HERE = ("--workers", "0")


def crops(folder: Path, photos: Path, first: int, count: int) -> None:
    """Parts of the photos, all different."""
    names = sorted(photos.glob("*.png"))
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        with PillowImage.open(names[number % len(names)]) as opened:
            box = (number, 2 * number, number + 192, 2 * number + 160)
            opened.crop(box).save(folder / f"{number:03d}.png")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    folder = tmp_path_factory.mktemp("repair")
    crops(folder / "source", photos, 0, 4)
    assert tenfold("compress", folder / "source", folder / "archive", *HERE, *CODEC).code == 0
    return folder


@pytest.fixture
def archive(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / "archive", tmp_path / "archive"))


def flip_a_bit(archive: Path, key: str) -> None:
    """Flip a byte in the payload of one image."""
    (row,) = (row for row in tenfold("ls", archive, "--json").json() if row["key"] == key)
    path = archive / row["shard"]
    data = bytearray(path.read_bytes())
    data[row["payload_offset"] + 60] ^= 4
    path.write_bytes(data)


def test_a_sound_archive(archive: Path) -> None:
    ran = tenfold("repair", archive, *HERE)
    assert (ran.code, ran.out) == (0, f"{archive} is sound: nothing to repair.\n")
    summary = tenfold("repair", archive, *HERE, "--json").json()
    assert (summary["rebuilt"], summary["lost"], summary["problems"]) == (None, [], [])


def test_an_image_comes_back_and_the_others_move_as_they_are(archive: Path) -> None:
    before = {row["key"]: row for row in tenfold("ls", archive, "--json").json()}
    flip_a_bit(archive, "002.png")
    assert tenfold("verify", archive, *HERE).code == 1
    would = tenfold("repair", archive, *HERE, "--dry-run")
    assert would.code == 0
    assert "3 images, whole in damaged shards, would be moved" in would.out
    assert "1 image would be encoded again" in would.out
    assert would.out.splitlines()[-1] == "Nothing was changed (--dry-run)."
    assert tenfold("verify", archive, *HERE).code == 1
    ran = tenfold("repair", archive, *HERE)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, f"{archive} is sound again, version 3.")
    assert tenfold("verify", archive, *HERE, "--level", "decode").code == 0
    after = {row["key"]: row for row in tenfold("ls", archive, "--json").json()}
    for key, row in after.items():
        for name in ("payload_length", "psnr_db", "quality", "codec"):
            assert row[name] == before[key][name], key


def test_what_is_lost_is_said_loudly(made: Path, tmp_path: Path) -> None:
    source, archive = tmp_path / "source", tmp_path / "archive"
    shutil.copytree(made / "source", source)
    tenfold("compress", source, archive, *HERE, *CODEC)
    flip_a_bit(archive, "001.png")
    (source / "001.png").unlink()
    assert tenfold("repair", archive, *HERE, "--dry-run").code == 3
    ran = tenfold("repair", archive, *HERE, "--json")
    assert ran.code == 3
    assert [image["key"] for image in ran.json()["lost"]] == ["001.png"]
    assert "001.png: lost: the source file is no longer there" in ran.err
    assert "1 image is LOST" in ran.err
    assert tenfold("verify", archive, *HERE, "--level", "decode").code == 0
    shutil.copy(made / "source/001.png", source)
    assert tenfold("retry-failed", archive, *HERE).code == 0
    assert tenfold("repair", archive, *HERE).code == 0


def test_a_lost_catalogue(made: Path, archive: Path) -> None:
    before = tenfold("ls", archive, "--json").json()
    shutil.rmtree(archive / "catalogue")
    assert tenfold("ls", archive).code == 10
    ran = tenfold("compress", made / "source", archive, *HERE, *CODEC)
    assert ran.code == 10
    assert f"is lost; `tenfold repair {archive}` makes it anew" in ran.err
    ran = tenfold("repair", archive, *HERE)
    assert ran.code == 0
    assert "rebuilt from 1 shard: 4 images. Its past versions are gone" in ran.out
    assert f"What was replaced lies in {archive}/lost/" in ran.out
    assert tenfold("ls", archive, "--json").json() == before
    assert tenfold("verify", archive, *HERE, "--level", "decode").code == 0


def test_weights_are_put_back(archive: Path) -> None:
    weights = max((archive / "codec").iterdir())
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    ran = tenfold("repair", archive, *HERE)
    assert (ran.code, weights.read_bytes() == whole) == (0, True)
    assert f"codec/{weights.name}: damaged" in ran.out


def test_missing_weights_are_seen_and_put_back(archive: Path) -> None:
    weights = max((archive / "codec").iterdir())
    whole = weights.read_bytes()
    weights.unlink()
    seen = tenfold("verify", archive, *HERE)
    assert seen.code == 1
    assert f"codec/{weights.name}: Expected the weights of its payloads, got nothing there" in seen.out
    looked = tenfold("repair", archive, *HERE, "--dry-run")
    assert f"codec/{weights.name}: missing; would be put back from this release." in looked.out
    assert not weights.exists()
    ran = tenfold("repair", archive, *HERE)
    assert (ran.code, weights.read_bytes() == whole) == (0, True)
    assert tenfold("verify", archive, *HERE).code == 0


def test_files_of_past_versions_are_not_mended(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    catalogue = Catalogue(storage)
    catalogue.create()
    for number in range(12):
        shard = build_shard([make_row(f"{number:02d}")], metadata={})
        catalogue.commit(shard.named(publish(storage, shard, "run-1", number)), run="run-1")
    seal(storage, catalogue.version())
    entry = tmp_path / "catalogue/_delta_log/00000000000000000002.json"
    entry.write_bytes(entry.read_bytes()[:-9])
    ran = tenfold("repair", tmp_path, *HERE)
    assert ran.code == 1
    assert "time travel to them is lost" in ran.err
    assert "--keep-versions" in ran.err
    assert tenfold("verify", tmp_path, *HERE).code == 1


def test_no_archive_and_one_that_is_held(archive: Path, tmp_path: Path) -> None:
    assert tenfold("repair", tmp_path / "none", *HERE).code == 10
    with Lease(Storage(archive), verb="prune"):
        assert tenfold("repair", archive, *HERE).code == 11
        assert tenfold("repair", archive, *HERE, "--dry-run").code == 0


def test_no_run_commits_to_half_a_catalogue(made: Path, archive: Path) -> None:
    (archive / "lost/20261121T120000Z").mkdir(parents=True)
    (archive / "lost/20261121T120000Z/repairing.json").write_text("{}")
    before = sorted(archive.rglob("*"))
    ran = tenfold("compress", made / "source", archive, *HERE)
    assert ran.code == 1
    assert "got one that a repair is making anew" in ran.err
    assert sorted(archive.rglob("*")) == before
