"""Coded images get labels beside their shard, and are found by them; and what becomes of those labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from pipeline.archive.labels import read_labels, write_labels
from pipeline.archive.layout import labels_path
from pipeline.companions.run import CompanionSummary
from pipeline.decode import resident_codecs
from pipeline.decode.archive import Archive
from pipeline.errors import ArchiveError, ConfigError, DamagedError
from pipeline.label.run import label_run
from pipeline.rm.run import RmRun
from pipeline.search import run as search_run
from pipeline.search.run import SeenAs, like, says, search
from pipeline.store.storage import Storage
from pipeline.verify.run import VerifyRun
from tests.support.image_archives import coded, fill
from tests.support.image_files import file_of
from tests.support.plain_codec import load_plain
from tests.support.prune_steps import HERE, pruned, tree
from tests.support.road import tenfold
from tests.support.shard_rows import kept_row

COLOURS = {
    "sunset.png": (200, 40, 40),
    "rose.png": (220, 60, 30),
    "sea.png": (20, 60, 230),
    "lawn.png": (30, 200, 40),
}


def flat(colour: tuple[int, int, int]) -> bytes:
    return file_of(PIL.Image.new("RGB", (20, 12), colour))


@pytest.fixture(autouse=True)
def _plain_codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resident_codecs, "load_codec", load_plain)
    monkeypatch.setattr(search_run, "load_codec", lambda _, device: load_plain("plain-1", device=device))


@pytest.fixture
def archive(tmp_path: Path) -> Storage:
    """Two shards: coded images, and one that was kept."""
    rows = [coded(key, flat(colour)) for key, colour in COLOURS.items()]
    url = fill(str(tmp_path / "archive"), [*rows[:3], kept_row("kept.png", flat((1, 2, 3)))])
    return Storage(fill(url, rows[3:], 1))


def label(archive: Storage) -> CompanionSummary:
    """`tenfold label`."""
    return label_run(archive, HERE).run()


def problems_of_labels(archive: Storage) -> list[str]:
    return [one.path for one in VerifyRun(archive, HERE).run().problems if one.path.startswith("labels")]


def keys_of(archive: Storage, words: str) -> list[str]:
    return [hit.key for hit in search(archive, says(words), most=2, least=0.0).hits]


def test_labels_lie_beside_shards_and_are_made_once(archive: Storage) -> None:
    before = tree(archive.url)
    summary = label(archive)
    assert (summary.images, summary.others["without_latents"], summary.made, summary.there) == (5, 1, 4, 0)
    assert tree(archive.url, without={"labels"}) == before
    assert not problems_of_labels(archive)
    made = tree(archive.url)
    again = label(archive)
    assert (again.made, again.there, again.num_bytes) == (0, 4, 0)
    assert tree(archive.url) == made
    fill(archive.url, [coded("poppy.png", flat((240, 10, 20)))], 2)
    assert (label(archive).made, label(archive).there) == (1, 5)


def test_images_are_found_by_what_they_look_like_and_by_words(archive: Storage, tmp_path: Path) -> None:
    label(archive)
    view = Archive(archive.url, device="cpu")
    rose = SeenAs(embedding_E=view.embedding("rose.png"), head=view.head("rose.png"))
    found = search(archive, like(rose), most=2, without="rose.png")
    assert found.hits[0].key == "sunset.png"
    assert found.hits[0].score > 0.9 > found.hits[1].score
    assert (found.searched, found.unlabelled) == (4, 1)
    assert keys_of(archive, "BLUE")[0] == "sea.png"
    assert keys_of(archive, "zebra") == []
    picture = tmp_path / "pool.png"
    picture.write_bytes(flat((10, 50, 250)))
    nearest = search(archive, like(search_run.seen_of_file(picture.read_bytes())), most=1)
    assert nearest.hits[0].key == "sea.png"
    with pytest.raises(ConfigError, match="Expected words"):
        says("  ")


def test_python_reads_them_without_the_verb(archive: Storage) -> None:
    view = Archive(archive.url, device="cpu")
    labels = view.labels("lawn.png")
    assert labels[0][0] == "green things"
    assert sum(score for _, score in labels) == pytest.approx(1.0)
    label(archive)
    seen = read_labels(archive, view.row("lawn.png").shard)
    assert seen is not None
    np.testing.assert_allclose(seen.embeddings_NE[0], view.embedding("lawn.png"), rtol=1e-3)
    with pytest.raises(ArchiveError, match="Only coded images have latents"):
        view.labels("kept.png")


def test_embeddings_of_two_heads_are_never_compared(archive: Storage) -> None:
    label(archive)
    view = Archive(archive.url, device="cpu")
    shard = view.row("lawn.png").shard
    older = read_labels(archive, shard)
    assert older is not None
    write_labels(archive, shard, replace(older, head="00" * 8))
    assert keys_of(archive, "green")[0] == "lawn.png", "words are words, whoever says them"
    ran = tenfold("search", archive.url, "--like", "rose.png", "--json")
    found = ran.json()
    assert "lawn.png" not in {hit["key"] for hit in found["hits"]}
    assert (found["searched"], found["unlabelled"], found["by_another_head"]) == (3, 1, 1)
    assert "1 image labelled by another head" in ran.err
    assert label(archive).made == 1
    rose = SeenAs(embedding_E=view.embedding("rose.png"), head=view.head("rose.png"))
    assert search(archive, like(rose), most=4).by_another_head == 0


def test_damaged_labels_are_told_and_made_again(archive: Storage) -> None:
    label(archive)
    shard = Archive(archive.url).row("sea.png").shard
    whole = archive.read(labels_path(shard))
    archive.write(labels_path(shard), whole[:-9])
    assert problems_of_labels(archive) == [labels_path(shard)]
    with pytest.raises(DamagedError, match="`tenfold label` makes it again"):
        search(archive, says("blue"), most=1)
    assert label(archive).made == 3
    assert archive.read(labels_path(shard)) == whole


def test_labels_go_with_their_image(archive: Storage) -> None:
    label(archive)
    gone = Archive(archive.url).row("sea.png").shard
    RmRun(archive, keys=["sea.png"]).apply()
    pruned(archive, 1)
    assert not archive.exists(labels_path(gone))
    label(archive)
    assert keys_of(archive, "blue")[:1] != ["sea.png"]


def test_the_command_line(archive: Storage) -> None:
    assert tenfold("label", archive.url, "--workers", "0", "--json").json()["made"] == 4
    assert "4 images that had labels." in tenfold("label", archive.url, "--workers", "0").out
    ran = tenfold("search", archive.url, "--like", "rose.png", "-n", "1")
    assert "sunset.png  red things" in ran.out
    assert "1 image without labels" in ran.err
    found = tenfold("search", archive.url, "green", "-n", "1", "--json").json()
    assert found["hits"][0]["key"] == "lawn.png"
    assert tenfold("search", archive.url).code == 2
