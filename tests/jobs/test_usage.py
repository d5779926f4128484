"""Wrong usage ends before work starts, with what was expected, what came, where, and what to do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.utils import get_params_from_function

from tests.docs.reference.command_line import Verb, verbs
from tests.docs.reference.docstrings import paragraphs
from tests.support.image_archives import fill
from tests.support.road import ROOT, tenfold
from tests.support.seaweed import S3Server
from tests.support.shard_rows import kept_row

WORKERS = ("--workers", "0")


def test_help_teaches() -> None:
    said = tenfold("--help").out
    for verb in ("compress", "decode", "get", "ls", "report", "submit", "train", "bench"):
        assert verb in said
    assert "--ratio" in tenfold("compress", "--help").out


@pytest.mark.parametrize("verb", [pytest.param(verb, id=verb.name) for verb in verbs()])
def test_help_says_what_was_written(verb: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    """Help is shown as Markdown, which takes the stars of a glob for emphasis unless they stand in code."""
    monkeypatch.setenv("COLUMNS", "4000")  # nothing is wrapped
    shown = " ".join(tenfold(*verb.name.split(), "--help").out.split())
    helps = [getattr(info.default, "help", None) for info in get_params_from_function(verb.function).values()]
    for written in [*filter(None, helps), *paragraphs(verb.function.__doc__)]:
        assert " ".join(written.replace("`", "").split()) in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("compress", "{tmp}/none", "{tmp}/a"), "nothing there", id="missing source"),
        pytest.param(("compress", "{tmp}/empty", "{tmp}/a"), "Expected images", id="empty source"),
        pytest.param(
            ("compress", "{photos}", "{tmp}/a", "--config", "{tmp}/typo.yaml"),
            "did you mean `quality`",
            id="typo",
        ),
        pytest.param(
            ("report", "{photos}", "--out", "{tmp}/r"), "Expected a Tenfold archive", id="no archive"
        ),
        pytest.param(("ls", "{tmp}/none"), "Expected a Tenfold archive", id="nothing there"),
        pytest.param(
            ("decode", "{tmp}/none", "{tmp}/out"), "Expected a Tenfold archive", id="decode nothing"
        ),
        pytest.param(
            ("get", "{tmp}/none", "k", "-o", "{tmp}/x.png"), "Expected a Tenfold archive", id="get nothing"
        ),
        pytest.param(("compress", "{photos}", "ftp9://host/a"), "ftp9", id="unknown protocol"),
    ],
)
def test_what_cannot_be_begun(
    words: tuple[str, ...], message: str, tmp_path: Path, small_photos: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "typo.yaml").write_text("codec: {qualty: 3}\n")
    ran = tenfold(*(word.format(tmp=tmp_path, photos=small_photos) for word in words))
    assert ran.code in (1, 10)
    assert message in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "a").exists()  # nothing was begun


COMPRESS = ("compress", "{photos}", "{tmp}/a")
NIGHTLY = ("nightly", "{photos}", "{tmp}/a")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*COMPRESS, "--codec", "jpeg"), "ae-zfp-1"),
        ((*COMPRESS, "--ratio", "9", "--bpp", "1"), "at most one of"),
        ((*COMPRESS, "--quality", "20", "--ratio", "20", "--config", "{tmp}/good.yaml"), "at most one of"),
        ((*COMPRESS, "--quality", "99"), "`--quality`"),
        ((*COMPRESS, "--quality", "99", "--config", "{tmp}/good.yaml"), "`--quality`"),
        ((*COMPRESS, "--ratio", "nan"), "`--ratio`"),
        ((*COMPRESS, "--min-psnr", "-3"), "`--min-psnr`"),
        ((*COMPRESS, "--ray-address", "nonsense"), "HOST:PORT"),
        ((*COMPRESS, "--ray-address", "ray://head:10001"), "tenfold submit"),
        (("compress", "{photos}/[z-a].png", "{tmp}/a"), "runs backwards"),
        (("compress", "", "{tmp}/a"), "name one"),
        (("nightly",), "`nightly.source`"),
        ((*NIGHTLY, "--deletes", "sometimes"), "fail-if-over 5%"),
        ((*NIGHTLY, "--max-seconds", "0"), "`--max-seconds`"),
        ((*NIGHTLY, "--webhook", "mail"), "--webhook"),
        (("nightly", "@", "{tmp}/a"), "name one"),
        (("ls", "{tmp}/a", "--glob", "[z-a]"), "runs backwards"),
        (("decode", "{tmp}/a", "{tmp}/b", "--glob", "[z-a]"), "runs backwards"),
        (("ls", "{tmp}/a", "--as-of", "yesterday"), "yesterday"),
        (("prune", "{tmp}/a", "--grace", "1m"), "grace period"),
        (("train", "--config", "x", "--data", "x", "--out", "{tmp}/t", "--device", "tpu"), "tpu"),
        (("submit", "frobnicate"), "Expected a verb to submit"),
        (("submit", "compress", "photos", "s3://b/a"), "an absolute path on storage"),
        (("submit", "compress", "@list.txt", "s3://b/a"), "an absolute path on storage"),
        (("submit", "report", "s3://b/a", "--out", "r"), "an absolute path on storage"),
        (("submit", "nightly", "--config", "{tmp}/relative.yaml"), "nightly.archive"),
        (("submit", "compress", "s3://b/p", "s3://b/a", "--quality", "many"), "integer"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_wrong_usage_is_2(words: tuple[str, ...], message: str, tmp_path: Path, small_photos: Path) -> None:
    (tmp_path / "good.yaml").write_text("codec: {quality: 3}\n")
    (tmp_path / "relative.yaml").write_text("nightly: {source: s3://b/p, archive: here}\n")
    ran = tenfold(*(word.format(tmp=tmp_path, photos=small_photos) for word in words))
    assert ran.code == 2, ran.err
    assert message in " ".join(ran.err.replace("│", " ").split())
    assert not (tmp_path / "a").exists()  # nothing was begun


def test_a_wrong_file_is_1_and_an_option_puts_it_right(tmp_path: Path, small_photos: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("nightly: {deletes: sometimes, max_seconds: -1}\n")
    words = ("nightly", small_photos, tmp_path / "a", "--config", tmp_path / "wrong.yaml", *WORKERS)
    assert tenfold(*words).code == 1
    assert tenfold(*words, "--max-seconds", "5").code == 1
    assert not (tmp_path / "a").exists()


def test_unknown_key_names_the_nearest(tmp_path: Path, small_photos: Path) -> None:
    assert tenfold("compress", small_photos / "kodim03.png", tmp_path / "a", *WORKERS).code == 0
    ran = tenfold("get", tmp_path / "a", "kodim3.png", "-o", tmp_path / "x.png")
    assert ran.code == 1
    assert "'kodim03.png'" in ran.err
    ran = tenfold("decode", tmp_path / "a", tmp_path / "out", "--glob", "*.jpg", *WORKERS)
    assert ran.code == 1
    assert "Expected keys that match '*.jpg'" in ran.err
    ran = tenfold("get", tmp_path / "a", "kodim03.png", "-o", tmp_path / "x.bmp")
    assert ran.code == 2
    assert "Name it x.png" in ran.err


def test_what_lies_in_a_folder_is_listed_in_order_and_got_by_a_glob(tmp_path: Path) -> None:
    for number, key in enumerate(("sea/2.jpg", "sea/1.jpg")):
        fill(str(tmp_path), [kept_row(key)], number)
    assert [row["key"] for row in tenfold("ls", tmp_path, "--json").json()] == ["sea/1.jpg", "sea/2.jpg"]
    for key in ("sea/", "sea"):
        ran = tenfold("get", tmp_path, key, "-o", tmp_path / "out")
        assert ran.code == 2
        assert f"tenfold get {tmp_path} 'sea/**' -o {tmp_path}/out/" in ran.err


def test_a_full_disk_under_stdout_is_one_message(tmp_path: Path, small_photos: Path) -> None:
    assert tenfold("compress", small_photos / "kodim03.png", tmp_path / "a", *WORKERS).code == 0
    with Path("/dev/full").open("wb") as full:
        words = [sys.executable, "-m", "jobs.main", "ls", str(tmp_path / "a")]
        ran = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == (
        "error: Expected to write to stdout, got: No space left on device. What was printed is not whole.\n"
    )


def test_get_leaves_whole_files_or_none(
    tmp_path: Path, small_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tenfold("compress", small_photos / "kodim03.png", tmp_path / "a", *WORKERS).code == 0
    (tmp_path / "out").mkdir()
    output = tmp_path / "out/x.png"
    output.write_bytes(b"what was there")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        ran = tenfold("get", tmp_path / "a", "kodim03.png", "-o", output)
    assert ran.code == 1
    assert "Expected free space on the disk" in ran.err
    assert [(path.name, path.read_bytes()) for path in output.parent.iterdir()] == [
        ("x.png", b"what was there")
    ]
    assert tenfold("get", tmp_path / "a", "kodim03.png", "-o", output, "--overwrite").code == 0
    assert len(output.read_bytes()) > 1000
    assert tenfold("get", tmp_path / "a", "kodim03.png", "-o", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


def test_a_store_that_is_down_ends_in_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-that-is-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-that-is-secret")
    ran = tenfold("compress", "s3://bucket/in", tmp_path / "a", *WORKERS)
    assert ran.code == 1
    assert "127.0.0.1:9" in ran.err
    assert "secret-that-is-secret" not in ran.err
    assert not (tmp_path / "a").exists()


def test_credentials_that_are_refused(
    s3_env: S3Server, small_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_env.bucket()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    ran = tenfold("compress", small_photos, f"s3://{bucket}/a", *WORKERS)
    assert ran.code == 1
    assert "Expected" in ran.err
    assert "credentials" in ran.err or "AWS_SECRET_ACCESS_KEY" in ran.err
    assert "wrong-secret" not in ran.err


def test_a_bucket_that_does_not_exist(s3_env: S3Server, small_photos: Path) -> None:
    ran = tenfold("compress", small_photos, "s3://no-such-bucket-here/a", *WORKERS)
    assert ran.code == 1
    assert "no-such-bucket-here" in ran.err
