"""The whole road as a user takes it: compress, compress again, ls, get, decode, report."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from pipeline import Archive
from tests.support.image_files import make_unreadable
from tests.support.road import Ran, tenfold
from tests.support.seaweed import S3Server

SUMMARY = {
    "run",
    "images",
    "coded",
    "kept",
    "failed",
    "raw_bytes",
    "source_bytes",
    "zip_bytes",
    "payload_bytes",
    "archive_bytes",
    "ratio_vs_raw",
    "ratio_vs_source",
    "zip_ratio_vs_raw",
    "bpp",
    "psnr_db",
    "ms_ssim",
    "seconds",
    "megapixels_per_second",
}
LISTED = {
    "key",
    "status",
    "reason",
    "codec",
    "quality",
    "width",
    "height",
    "bpp",
    "psnr_db",
    "shard",
    "payload_offset",
    "payload_length",
}


WHOLE = "kodim15.png"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, photos: Path, small_photos: Path) -> Path:
    """The shipped photos: one whole, which is several tiles, and parts of the others."""
    folder = Path(shutil.copytree(small_photos, tmp_path_factory.mktemp("road") / "source"))
    shutil.copy(photos / WHOLE, folder)
    return folder


@pytest.fixture(scope="module")
def made(source: Path) -> tuple[Path, Ran]:
    """Their archive, and what making it printed."""
    archive = source.parent / "archive"
    return archive, tenfold("compress", source, archive, "--workers", "0", "--json")


def pixels(file: Path) -> np.ndarray:
    with PillowImage.open(file) as opened:
        return np.asarray(opened)


def test_the_summary_counts_real_bytes(made: tuple[Path, Ran], source: Path) -> None:
    archive, ran = made
    summary = ran.json()
    assert ran.code == 0
    assert summary.keys() >= SUMMARY
    count = len(list(source.iterdir()))
    assert (summary["images"], summary["coded"], summary["failed"]) == (count, count, 0)
    num_pixels = 768 * 512 + (count - 1) * 256 * 192
    assert summary["raw_bytes"] == 3 * num_pixels
    assert summary["source_bytes"] == sum(path.stat().st_size for path in source.iterdir())
    listed = tenfold("ls", archive, "--json").json()
    assert summary["payload_bytes"] == sum(row["payload_length"] for row in listed)
    assert summary["bpp"] == pytest.approx(8 * summary["payload_bytes"] / num_pixels)
    assert summary["ratio_vs_raw"] == pytest.approx(24 / summary["bpp"])
    on_disk = sum(path.stat().st_size for path in archive.rglob("*") if path.is_file())
    after = (
        *archive.glob("runs/*/summary.json"),
        *archive.glob("runs/*/progress.json"),
        *archive.glob("seals/*"),
    )
    assert 0 < on_disk - summary["archive_bytes"] <= sum(path.stat().st_size for path in after)


def test_compress_ends_with_the_short_form_of_the_report(small_photos: Path, tmp_path: Path) -> None:
    one = small_photos / "kodim23.png"
    said = tenfold("compress", one, tmp_path / "a", "--codec", "ae-zfp-1", "--workers", "0").out
    report = tenfold("report", tmp_path / "a", "--out", tmp_path / "r", "--sample", "0").out
    table = [
        line
        for line in report.splitlines()
        if "│" in line or line.startswith(("Against your files", "Coded images"))
    ]
    assert len(table) >= 7
    assert [line for line in said.splitlines() if line in table] == table


def test_the_bytes_are_where_ls_says(made: tuple[Path, Ran]) -> None:
    archive, _ = made
    opened = Archive(str(archive))
    for row in tenfold("ls", archive, "--json").json():
        assert row.keys() >= LISTED
        shard = (archive / row["shard"]).read_bytes()
        start = row["payload_offset"]
        assert shard[start : start + row["payload_length"]] == opened.read_payload(row["key"])


def test_compressing_again_encodes_nothing(made: tuple[Path, Ran], source: Path) -> None:
    archive, _ = made
    shards = sorted(archive.glob("shards/**/*.parquet"))
    again = tenfold("compress", source, archive, "--workers", "0", "--json")
    assert again.code == 0
    assert (again.json()["coded"], again.json()["images"]) == (0, 0)
    assert again.json()["unchanged"] == len(list(source.iterdir()))
    assert sorted(archive.glob("shards/**/*.parquet")) == shards
    said = tenfold("compress", source, archive, "--workers", "0")
    assert "Nothing new" in said.out


def test_only_the_changed_and_the_new_are_encoded(tmp_path: Path, small_photos: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    names = sorted(path.name for path in small_photos.glob("*.png"))[:3]
    for name in names[:2]:
        shutil.copy(small_photos / name, source / name)
    assert tenfold("compress", source, tmp_path / "a", "--workers", "0", "--json").json()["coded"] == 2
    with PillowImage.open(small_photos / names[0]) as opened:
        opened.crop((0, 0, 128, 96)).save(source / names[0])
    shutil.copy(small_photos / names[2], source / names[2])
    second = tenfold("compress", source, tmp_path / "a", "--workers", "0", "--json").json()
    assert (second["coded"] + second["kept"], second["unchanged"]) == (2, 1)
    rows = {row["key"]: row for row in tenfold("ls", tmp_path / "a", "--json").json()}
    assert sorted(rows) == names
    assert (rows[names[0]]["width"], rows[names[0]]["height"]) == (128, 96)
    (source / names[1]).write_bytes((source / names[1]).read_bytes()[:9000])
    third = tenfold("compress", source, tmp_path / "a", "--workers", "0")
    said = "1 image: 0 coded, 0 kept byte for byte, 0 failed, 1 held back, 2 unchanged."
    assert third.out.startswith(said), "a damaged file takes no sound image's place"
    assert f"its archived version stays: {names[1]}: truncated PNG" in third.err
    assert "stored as found" not in third.err


def test_decode_gives_every_image_back(made: tuple[Path, Ran], source: Path, tmp_path: Path) -> None:
    archive, _ = made
    ran = tenfold("decode", archive, tmp_path / "out", "--workers", "0", "--json")
    assert ran.code == 0
    names = sorted(path.name for path in source.iterdir())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert ran.json()["written"] == len(names)
    rows = {row["key"]: row for row in tenfold("ls", archive, "--json").json()}
    for name in names:
        before = pixels(source / name).astype(float)
        after = pixels(tmp_path / "out" / name).astype(float)
        measured = 10 * np.log10(255**2 / np.mean((before - after) ** 2))
        assert measured == pytest.approx(rows[name]["psnr_db"], abs=0.02)


def test_decode_takes_some_and_other_formats(made: tuple[Path, Ran], tmp_path: Path) -> None:
    archive, _ = made
    keys = tmp_path / "keys.txt"
    keys.write_text("kodim03.png\nkodim23.png\n")
    few = tenfold(
        "decode", archive, tmp_path / "few", "--keys-file", keys, "--format", "jpeg", "--workers", "0"
    )
    assert few.code == 0
    assert sorted(p.name for p in (tmp_path / "few").iterdir()) == ["kodim03.png.jpg", "kodim23.png.jpg"]
    one = tenfold("decode", archive, tmp_path / "one", "--glob", "*15*", "--workers", "0")
    assert one.code == 0
    assert [p.name for p in (tmp_path / "one").iterdir()] == ["kodim15.png"]


def test_get_equals_decode(made: tuple[Path, Ran], tmp_path: Path) -> None:
    archive, _ = made
    assert tenfold("get", archive, WHOLE, "-o", tmp_path / "x.png").code == 0
    assert tenfold("decode", archive, tmp_path / "all", "--glob", WHOLE, "--workers", "0").code == 0
    assert np.array_equal(pixels(tmp_path / "x.png"), pixels(tmp_path / "all" / WHOLE))
    assert tenfold("get", archive, WHOLE, "-o", tmp_path / "x.webp").code == 0
    assert np.array_equal(pixels(tmp_path / "x.webp").shape, (512, 768, 3))


def test_latents_come_without_synthesis(made: tuple[Path, Ran]) -> None:
    archive, _ = made
    opened = Archive(str(archive))
    latents = opened.latents("kodim03.png")
    assert latents.ndim == 3
    assert latents.shape == tuple(opened.row("kodim03.png").latent_shape or ())
    assert np.isfinite(latents).all()
    assert latents.std() > 0


def test_the_report_says_what_was_gained(made: tuple[Path, Ran], tmp_path: Path) -> None:
    archive, ran = made
    said = tenfold("report", archive, "--out", tmp_path / "report", "--sample", "1", "--workers", "0")
    assert said.code == 0
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    summary = ran.json()
    assert written["all"]["ratio_vs_raw"] == pytest.approx(summary["ratio_vs_raw"])
    assert written["all"]["zip_ratio_vs_raw"] == pytest.approx(summary["zip_ratio_vs_raw"])
    assert written["all"]["zip_source_bytes"] > 0
    assert written["contest"]["compared"] == 1
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.html",
        "report.json",
        "report.md",
        "images.parquet",
    }
    again = tenfold(
        "report", archive, "--out", tmp_path / "report", "--sample", "1", "--workers", "0", "--json"
    )
    assert again.json()["contest"]["from_cache"] >= 1
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert f"{summary['payload_bytes']:,}" in markdown
    assert "Against your files the payloads are" in said.out


def test_keys_that_could_escape_or_meet_do_not(tmp_path: Path, photos: Path) -> None:
    small = tmp_path / "small.png"
    with PillowImage.open(photos / "kodim23.png") as opened:
        opened.crop((0, 0, 256, 256)).save(small)
    keys = ["../../up.png", "/abs.png", "a b/ü 日本.png", "same.jpg", "same.gif", "same.jpg.png", "x//y.png"]
    manifest = tmp_path / "manifest.parquet"
    import pandas as pd

    pd.DataFrame({"url": [str(small)] * len(keys), "key": keys}).to_parquet(manifest)
    made = tenfold("compress", manifest, tmp_path / "a", "--workers", "0", "--json")
    assert (made.code, made.json()["images"]) == (0, len(keys))
    out = tmp_path / "deep" / "deeper" / "out"
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert tenfold("decode", tmp_path / "a", out, "--workers", "0").code == 0
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert len(written) == len(keys)
    assert all(path.is_relative_to(out) for path in written)


def test_a_file_that_vanishes_and_one_that_cannot_be_read(tmp_path: Path, small_photos: Path) -> None:
    listing = tmp_path / "list.txt"
    listing.write_text(f"{small_photos / 'kodim03.png'}\n{tmp_path / 'gone.png'}\n")
    ran = tenfold("compress", listing, tmp_path / "a", "--workers", "0", "--json")
    assert (ran.code, ran.json()["coded"], ran.json()["failed"]) == (3, 1, 1)
    failed = next(row for row in tenfold("ls", tmp_path / "a", "--json").json() if row["status"] == "failed")
    assert "no longer there" in failed["reason"]
    shutil.copy(small_photos / "kodim05.png", tmp_path / "gone.png")
    healed = tenfold("compress", listing, tmp_path / "a", "--workers", "0", "--json")
    assert (healed.code, healed.json()["coded"]) == (0, 1)


def test_the_road_on_s3(s3_env: S3Server, small_photos: Path, tmp_path: Path) -> None:
    import fsspec

    bucket = s3_env.bucket()
    for path in sorted(small_photos.glob("*.png"))[:3]:
        with PillowImage.open(path) as photo:
            photo.crop((0, 0, 96, 64)).save(part := io.BytesIO(), "PNG")
        fsspec.filesystem("s3", endpoint_url=s3_env.endpoint).pipe_file(
            f"{bucket}/in/{path.name}", part.getvalue()
        )
    source, archive = f"s3://{bucket}/in", f"s3://{bucket}/archive"
    made = tenfold("compress", source, archive, "--workers", "0", "--json")
    assert (made.code, made.json()["coded"]) == (0, 3)
    again = tenfold("compress", source, archive, "--workers", "0", "--json")
    assert (again.json()["coded"], again.json()["unchanged"]) == (0, 3)
    assert tenfold("get", archive, "kodim03.png", "-o", tmp_path / "x.png").code == 0
    out = tenfold("decode", archive, f"s3://{bucket}/out", "--workers", "0", "--json")
    assert (out.code, out.json()["written"]) == (0, 3)
    reported = tenfold(
        "report", archive, "--out", f"s3://{bucket}/report", "--sample", "1", "--workers", "0", "--json"
    )
    assert (reported.code, reported.json()["contest"]["compared"]) == (0, 1)
    for secret in (s3_env.access_key, s3_env.secret_key):
        fs = fsspec.filesystem("s3", endpoint_url=s3_env.endpoint)
        for name in fs.find(f"{bucket}/archive/runs"):
            assert secret.encode() not in fs.cat_file(name), name


def test_a_report_that_cannot_be_written_says_so_before_it_measures(made: tuple[Path, Ran]) -> None:
    blocked = made[0] / "catalogue" / "_delta_log" / f"{0:020d}.json" / "report"  # below a file
    ran = tenfold("report", made[0], "--out", blocked, "--workers", "0")
    assert ran.code == 1
    assert "Expected" in ran.err
    assert "compared" not in ran.err


@pytest.mark.parametrize("sample", ["-1", "many", "0%", "200%"])
def test_a_sample_that_is_none_is_refused(made: tuple[Path, Ran], tmp_path: Path, sample: str) -> None:
    ran = tenfold("report", made[0], "--out", tmp_path, f"--sample={sample}")
    assert ran.code == 2
    assert "expected a" in ran.err


def test_disk_full_or_unwritable_ends_cleanly(tmp_path: Path, small_photos: Path) -> None:
    if os.geteuid() == 0:
        target = Path("/proc/tenfold-archive")  # root may write everywhere but here
    else:
        target = tmp_path / "locked" / "archive"
        target.parent.mkdir(mode=0o500)
    ran = tenfold("compress", small_photos, target, "--workers", "0")
    assert ran.code == 1
    assert "error:" in ran.err
    assert "Expected" in ran.err


def test_decode_writes_over_no_original(tmp_path: Path, small_photos: Path) -> None:
    source, archive = tmp_path / "source", tmp_path / "archive"
    shutil.copytree(small_photos, source)
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    assert tenfold("compress", source, archive, "--workers", "0").code == 0
    for more, reason in (((), "--skip-existing"), (("--overwrite",), "is an original")):
        ran = tenfold("decode", archive, source, "--workers", "0", *more)
        assert (ran.code, reason in ran.err) == (1, True)
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before


def test_names_cannot_drive_a_terminal(tmp_path: Path, small_photos: Path) -> None:
    source, archive = tmp_path / "source", tmp_path / "archive"
    source.mkdir()
    name = "a\x1b[2J\nb\x9bé.png"
    shutil.copy(sorted(small_photos.iterdir())[0], source / name)
    make_unreadable(source / f"broken {name}")
    assert tenfold("compress", source, archive, "--workers", "0").code == 3
    said = tenfold("ls", archive).out
    assert said.count("a\\x1b[2J\\nb\\x9bé.png") == 3  # of one, the reason names it too
    assert (said.count("\n"), "\x1b" in said, "\x9b" in said) == (2, False, False)
    assert name in [row["key"] for row in tenfold("ls", archive, "--json").json()]
    missed = tenfold("get", archive, "no \x1b]0;key", "-o", tmp_path / "x.png")
    assert (missed.code, "\x1b" in missed.err) == (1, False)


def test_a_decode_that_was_stopped_goes_on(made: tuple[Path, Ran], tmp_path: Path) -> None:
    archive, there = made[0], tmp_path / "decoded"
    assert tenfold("decode", archive, there, "--workers", "0").code == 0
    first, *others = sorted(there.iterdir())
    first.unlink()
    for other in others:
        other.write_bytes(b"stays")
    ran = tenfold("decode", archive, there, "--workers", "0", "--skip-existing")
    assert ran.code == 0
    assert f"{len(others)} images were there already" in ran.err
    assert first.stat().st_size > 1000
    assert {other.read_bytes() for other in others} == {b"stays"}
    ran = tenfold("decode", archive, there, "--workers", "0", "--skip-existing", "--json")
    assert (ran.json()["written"], ran.json()["existing"]) == (0, len(others) + 1)


def test_damage_costs_the_images_whose_bytes_it_hits(tmp_path: Path, small_photos: Path) -> None:
    first, second, third = sorted(small_photos.iterdir())[:3]
    source, archive = tmp_path / "source", tmp_path / "archive"
    source.mkdir()
    for photos in ((first, second), (third,)):  # a run and a shard each
        for photo in photos:
            shutil.copy(photo, source)
        assert tenfold("compress", source, archive, "--workers", "0").code == 0
    hit, neighbour, elsewhere = (Archive(str(archive)).row(photo.name) for photo in (first, second, third))
    assert hit.shard == neighbour.shard != elsewhere.shard
    shard = archive / hit.shard
    data = bytearray(shard.read_bytes())
    data[(hit.payload_offset or 0) + 40] ^= 1
    shard.write_bytes(data)
    ran = tenfold("decode", archive, tmp_path / "decoded", "--workers", "0", "--json")
    assert ran.code == 3
    (failure,) = ran.json()["failures"]
    assert failure["key"] == first.name
    assert "the bytes are not those that were written" in failure["reason"]
    assert {path.stem for path in (tmp_path / "decoded").iterdir()} == {second.stem, third.stem}
    shard.unlink()
    ran = tenfold("decode", archive, tmp_path / "again", "--workers", "0", "--json")
    assert [one["key"] for one in ran.json()["failures"]] == [first.name, second.name]
    assert "got nothing there" in ran.json()["failures"][0]["reason"]


def test_what_is_not_in_the_archive_is_said_every_time(tmp_path: Path, small_photos: Path) -> None:
    source, archive = tmp_path / "source", tmp_path / "archive"
    shutil.copytree(small_photos, source)
    make_unreadable(source / "broken.png")
    (source / "scan0001").write_bytes(b"\x89PNG\r\n\x1a\n")
    first = tenfold("compress", source, archive, "--workers", "0")
    assert first.code == 3
    (source / "broken.png").unlink()
    again = tenfold("compress", source, archive, "--workers", "0")
    assert again.code == 0
    assert "Failed in earlier runs, and not tried again: 1 image." in again.out
    assert "Failed in earlier runs" not in first.out
    for said in (first.out, again.out):
        assert "Passed over, not being named like images: 1 file." in said
