"""How files come: in which format, at which quality, under which names."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import get_args

import PIL.Image
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline.decode.resident_codecs
from pipeline.decode.file_form import FileForm, NamePolicy
from pipeline.decode.naming import FileNames, rivals_of
from pipeline.errors import ConfigError
from pipeline.store.name_limits import NameLimits
from tests.support.image_archives import coded, fill
from tests.support.image_files import file_of, waves
from tests.support.plain_codec import load_plain
from tests.support.road import Ran, tenfold
from tests.support.shard_rows import kept_row

LIMITS = NameLimits(segment_bytes=255, path_bytes=4000, has_folders=False)


def smooth(fmt: str, **options: object) -> bytes:
    return file_of(PIL.Image.open(io.BytesIO(waves(1))).convert("RGB"), fmt, **options)


SOURCES = {
    "a.jpg": smooth("JPEG", quality=85),
    "odd.jfif": smooth("JPEG", quality=60),
    "misnamed.png": smooth("JPEG", quality=85),
    "b.png": smooth("PNG"),
    "sub/c.webp": smooth("WEBP", quality=70),
    "d.avif": smooth("AVIF", quality=70),
    "e.gif": smooth("GIF"),
    "f.tif": smooth("TIFF"),
}
CAME_AS = {"e.gif": "e.gif.png", "f.tif": "f.tif.png"}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(pipeline.decode.resident_codecs, "load_codec", load_plain)
    rows = [coded(key, data, source_size=len(data)) for key, data in SOURCES.items()]
    return fill(str(tmp_path / "arc"), [*rows, kept_row("kept.bin")])


def decode(archive: str, to: Path, *more: str) -> Ran:
    return tenfold("decode", archive, to, "--workers", "0", "--json", *more)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_source_gives_each_image_its_format_its_name_and_no_more_bytes(archive: str, tmp_path: Path) -> None:
    ran = decode(archive, tmp_path / "out", "--format", "source")
    assert ran.code == 0
    back = files(tmp_path / "out")
    assert back.keys() == {CAME_AS.get(key, key) for key in SOURCES} | {"kept.bin"}
    assert {one["key"] for one in ran.json()["in_other_format"]} == CAME_AS.keys()
    assert ran.json()["renamed"] == []
    for key in SOURCES.keys() - CAME_AS.keys():
        with (
            PIL.Image.open(io.BytesIO(back[key])) as ours,
            PIL.Image.open(io.BytesIO(SOURCES[key])) as source,
        ):
            assert (ours.format, ours.size) == (source.format, source.size)
        if key != "b.png":
            assert len(back[key]) <= len(SOURCES[key]), key
    again = decode(archive, tmp_path / "out", "--format", "source", "--skip-existing")
    assert again.json()["written"] == 0


def test_a_quality_makes_files_smaller(archive: str, tmp_path: Path) -> None:
    sizes = {}
    for quality in ("20", "90"):
        ran = decode(
            archive, tmp_path / quality, "--format", "jpeg", "--out-quality", quality, "--glob", "b.png"
        )
        assert ran.code == 0
        sizes[quality] = ran.json()["written_bytes"]
        out = tmp_path / f"{quality}.jpg"
        assert tenfold("get", archive, "b.png", "-o", out, "--out-quality", quality).code == 0
        assert out.read_bytes() == (tmp_path / quality / "b.png.jpg").read_bytes()
    assert sizes["20"] < sizes["90"]


@pytest.mark.parametrize("words", [(), ("--format", "png"), ("--format", "webp", "--out-quality", "101")])
def test_a_quality_for_what_has_none_is_wrong_usage(words: tuple[str, ...], tmp_path: Path) -> None:
    assert decode(str(tmp_path), tmp_path / "out", "--out-quality", "5", *words).code == 2


def test_a_quality_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigError, match="a quality of 1 to 100 with one of the formats"):
        FileForm(fmt="jpeg", quality=0)


def names_of(keys: list[str], policy: NamePolicy) -> list[str]:
    names = FileNames(keys, LIMITS, policy)
    return [names.place(key, "png").path for key in keys]


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "a.jpg", "a.jpg.png", "a.gif", "a.x", ""]), min_size=1, max_size=3)
    )
)
def test_names_depend_on_rivals_alone(parts: list[list[str]]) -> None:
    keys = sorted({"/".join(names) for names in parts} - {""})
    limits = replace(LIMITS, has_folders=True)
    for key in keys:
        rivals = [other for other in keys if rivals_of([key]).hold(pa.array([other]))[0].as_py()]
        for policy in get_args(NamePolicy):
            alone, among_all = (FileNames(named, limits, policy) for named in (rivals, keys))
            assert alone.place(key, "png") == among_all.place(key, "png")


def test_policies() -> None:
    keys = [
        "a.jpg",
        "b.jpg",
        "b.gif",
        "c.png",
        "c.jpg",
        "d",
        "d.jpg",
        "x/e.JPEG",
        "f.2024",
        ".jpg",
        "x.y.tif",
    ]
    assert names_of(keys, "replace") == [
        *(
            "a.png",
            "b.jpg.png",
            "b.gif.png",
            "c.png",
            "c.jpg.png",
            "d.png",
            "d.jpg.png",
            "x/e.png",
            "f.2024.png",
        ),
        *(".jpg.png", "x.y.png"),
    ]
    assert names_of(keys, "keep") == keys
    assert names_of(keys[:3], "append") == ["a.jpg.png", "b.jpg.png", "b.gif.png"]


@settings(max_examples=50)
@given(
    st.sets(st.text(alphabet="ap.njg", min_size=1, max_size=12), max_size=14),
    st.sampled_from(["append", "replace"]),
)
def test_names_never_meet(keys: set[str], policy: NamePolicy) -> None:
    assert len(set(names_of(sorted(keys), policy))) == len(keys)


def test_skip_existing_knows_the_names_of_each_policy(archive: str, tmp_path: Path) -> None:
    for policy in ("replace", "keep"):
        for written in (2, 0):
            some = ("--glob", "[as]*.[jw]*", "--names", policy, "--skip-existing")
            ran = decode(archive, tmp_path / policy, *some)
            assert (ran.code, ran.json()["written"]) == (0, written)
    assert files(tmp_path / "keep").keys() == {"a.jpg", "sub/c.webp"}
    assert files(tmp_path / "replace").keys() == {"a.png", "sub/c.png"}


def test_get_takes_a_glob_and_a_folder(archive: str, tmp_path: Path) -> None:
    ran = tenfold("get", archive, "*.jpg", "-o", f"{tmp_path}/many/")
    assert (ran.code, set(files(tmp_path / "many"))) == (0, {"a.jpg.png"})
    assert "1 of 1 image written" in ran.out
    assert tenfold("get", archive, "sub/*", "-o", f"{tmp_path}/many", "--format", "source").code == 0
    assert tenfold("get", archive, "f.tif", "-o", tmp_path / "many").code == 0
    assert files(tmp_path / "many").keys() == {"a.jpg.png", "sub/c.webp", "f.tif.png"}
    assert tenfold("get", archive, "f.tif", "-o", tmp_path / "many").code == 1
    assert tenfold("get", archive, "*.jpg", "-o", tmp_path / "one.png").code == 2
    assert tenfold("get", archive, "*.jpg", "-o", "-").code == 2
    assert tenfold("get", archive, "g*", "-o", f"{tmp_path}/none/").code == 1


def test_get_gives_one_image_in_its_own_format(archive: str, tmp_path: Path) -> None:
    assert tenfold("get", archive, "a.jpg", "-o", tmp_path / "back.jpg", "--format", "source").code == 0
    assert (tmp_path / "back.jpg").stat().st_size <= len(SOURCES["a.jpg"])
    ran = tenfold("get", archive, "e.gif", "-o", tmp_path / "back.gif", "--format", "source")
    assert (ran.code, "Expected a FILE named .png" in ran.err) == (2, True)
