"""`tenfold nightly`: what is new comes in, what is gone follows the policy, in the time there is, one at a time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

from pipeline.compress.run import CompressRun
from pipeline.config_file import load_config
from pipeline.progress import Follower
from pipeline.source.parse import parse_source
from pipeline.store.storage import Storage
from tests.support.road import Ran, start_tenfold, tenfold
from tests.support.seaweed import S3Server
from tests.support.waiting import wait_until

_IMAGES = 20


def make_image(path: Path, number: int) -> None:
    """A small image that no other number gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = PillowImage.linear_gradient("L").resize((72, 64)).rotate(7 * number)
    PillowImage.merge("RGB", (picture, picture.rotate(90, expand=False), picture)).save(path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for number in range(_IMAGES):
        make_image(folder / f"{number:03d}.png", number)
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def config(tmp_path: Path, source: Path, archive: Path) -> Path:
    """Small units, so that there are boundaries to stop at."""
    path = tmp_path / "nightly.yaml"
    path.write_text(
        f"nightly: {{source: {source}, archive: {archive}}}\n"
        "shard: {max_images: 4}\ncommit_seconds: 0.01\nworkers: {count: 0}\ncodec: {id: ae-zfp-1, quality: 30}\n"
    )
    return path


def nightly(config: Path, *words: str | Path) -> tuple[Ran, dict[str, Any]]:
    ran = tenfold("nightly", "--config", config, "--json", *words)
    return ran, ran.json() if ran.out else {}


def keys(archive: Path, *words: str) -> list[str]:
    return sorted(row["key"] for row in tenfold("ls", archive, "--json", *words).json())


def test_only_what_is_new_or_changed(source: Path, archive: Path, config: Path) -> None:
    ran, night = nightly(config)
    assert (ran.code, night["runs"][0]["images"], night["gone"]) == (0, _IMAGES, None)
    make_image(source / "new.png", 100)
    make_image(source / "003.png", 101)
    (source / "004.png").unlink()
    ran, night = nightly(config)
    (run,) = night["runs"]
    assert (ran.code, run["images"], run["unchanged"]) == (0, 2, _IMAGES - 2)
    assert len(keys(archive)) == _IMAGES + 1, "deletes are kept by default"
    ran, night = nightly(config)
    assert (ran.code, night["runs"][0]["images"]) == (0, 0)
    record = json.loads((archive / "runs" / night["runs"][0]["run"] / "nightly.json").read_text())
    assert record == night
    said = tenfold("nightly", "--config", config)
    assert "Nothing new" in said.out


def test_deletes_are_followed_up_to_a_limit(source: Path, archive: Path, config: Path) -> None:
    nightly(config)
    for name in ("000.png", "001.png"):
        (source / name).unlink()
    make_image(source / "new.png", 100)
    ran, night = nightly(config, "--deletes", "fail-if-over 5%")
    assert (ran.code, night["gone"], night["dropped"]) == (1, 2, 0)
    assert "Expected at most 5 % of the source's 20 archived images to be gone" in ran.err
    assert "got 2 (10 %): nothing was dropped" in ran.err
    assert len(keys(archive)) == _IMAGES + 1, "what is new came in all the same"

    version = tenfold("history", archive, "--json").json()[0]["version"]
    ran, night = nightly(config, "--deletes", "fail-if-over 10%")
    assert (ran.code, night["gone"], night["dropped"], night["refused"]) == (0, 2, 2, None)
    assert "000.png" not in keys(archive)
    assert tenfold("get", archive, "000.png", "-o", archive.parent / "x.png").code == 1
    assert "000.png" in keys(archive, "--as-of", str(version))
    newest = tenfold("history", archive, "--json").json()[0]
    assert (newest["removed"], newest["run"]) == (2, night["runs"][0]["run"])
    assert tenfold("verify", archive, "--workers", "0").code == 0

    make_image(source / "000.png", 0)
    ran, night = nightly(config, "--deletes", "drop")
    assert (ran.code, night["runs"][0]["images"], night["gone"]) == (0, 1, 0)
    assert "000.png" in keys(archive)


def test_an_accident_is_no_reason_to_forget(source: Path, archive: Path, config: Path) -> None:
    nightly(config)
    held = keys(archive)
    for path in sorted(source.iterdir())[: _IMAGES // 2 + 1]:
        path.unlink()
    ran, _ = nightly(config, "--deletes", "drop")
    assert ran.code == 1
    assert "Is the source mounted and whole?" in ran.err
    shutil.rmtree(source)
    assert tenfold("nightly", "--config", config, "--deletes", "drop").code == 1
    source.mkdir()
    assert tenfold("nightly", "--config", config, "--deletes", "fail-if-over 100%").code == 1
    assert keys(archive) == held
    make_image(source / "one.png", 200)
    ran, night = nightly(config, "--deletes", "fail-if-over 100%")
    assert (ran.code, night["dropped"]) == (0, _IMAGES)
    assert keys(archive) == ["one.png"]


def test_what_lies_elsewhere_is_never_gone(tmp_path: Path, source: Path, archive: Path, config: Path) -> None:
    make_image(tmp_path / "other" / "elsewhere.png", 300)
    tenfold("compress", tmp_path / "other", archive, "--workers", "0", "--codec", "ae-zfp-1")
    make_image(source / "deep" / "below.png", 301)
    nightly(config)
    for name in ("000.png", "deep/below.png"):
        (source / name).unlink()
    ran, night = nightly(config, f"{source}/*.png", "--deletes", "drop")
    assert (ran.code, night["dropped"]) == (0, 1), "what the glob cannot list is not gone either"
    assert {"elsewhere.png", "deep/below.png"} <= set(keys(archive))


def test_compared_by_checksum(source: Path, archive: Path, config: Path) -> None:
    plain = source / "plain.bmp"
    make_image(plain, 100)
    nightly(config)
    for path in source.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    ran, night = nightly(config, "--compare", "checksum")
    assert (ran.code, night["runs"][0]["images"], night["runs"][0]["unchanged"]) == (0, 0, _IMAGES + 1)
    assert nightly(config)[1]["runs"][0]["images"] == _IMAGES + 1, "the fast way believes the time"

    data = bytearray(plain.read_bytes())
    data[-9] ^= 255
    plain.write_bytes(data)
    os.utime(plain, (1_700_000_000, 1_700_000_000))
    assert nightly(config)[1]["runs"][0]["images"] == 0, "size and time are the same"
    assert nightly(config, "--compare", "checksum")[1]["runs"][0]["images"] == 1
    assert nightly(config, "--compare", "checksum")[1]["runs"][0]["images"] == 0


def test_the_time_is_up(source: Path, archive: Path, config: Path) -> None:
    ran, night = nightly(config, "--max-seconds", "0.000001")
    assert (ran.code, night["stopped"], night["runs"][0]["images"]) == (13, True, 0)
    assert "The time was up" in ran.err
    follower = Follower()
    run = CompressRun(parse_source(str(source)), Storage(archive), load_config(config, {}))
    summary = run.run(follower, stop=lambda: follower.progress.finished >= 8).summary
    assert (summary.stopped, summary.images, len(keys(archive))) == (True, 8, 8)
    assert summary.images + summary.left == _IMAGES, "the listing of so few images was over"
    make_image(source / "new.png", 100)
    ran, night = nightly(config, "--deletes", "drop")
    assert (ran.code, night["stopped"]) == (0, False)
    assert [run["resumed"] for run in night["runs"]] == [False], (
        "a stopped run has ended: the next one plans anew"
    )
    assert (night["runs"][0]["images"], night["runs"][0]["unchanged"]) == (_IMAGES - 7, 8)
    assert tenfold("verify", archive, "--workers", "0", "--level", "decode").code == 0


def test_killed_and_run_again(source: Path, archive: Path, config: Path) -> None:
    process = start_tenfold("nightly", "--config", config)
    wait_until(lambda: len(list(archive.glob("shards/*/*.parquet"))) >= 2 or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    make_image(source / "new.png", 100)
    (source / "019.png").unlink()
    ran, night = nightly(config, "--deletes", "drop")
    assert [run["resumed"] for run in night["runs"]] == [True, False]
    assert ran.code in (0, 3), "an image that went before its turn is a failed row until it is dropped"
    assert keys(archive) == sorted(path.name for path in source.iterdir())
    assert tenfold("verify", archive, "--workers", "0", "--level", "decode").code == 0


def test_one_at_a_time(source: Path, archive: Path, config: Path) -> None:
    process = start_tenfold("nightly", "--config", config)
    wait_until(lambda: any(archive.glob("runs/*/run.json")) or process.poll() is not None)
    process.send_signal(signal.SIGSTOP)
    try:
        second = tenfold("nightly", "--config", config)
        assert second.code == 11
        assert "Expected to be the only one to change" in second.err
        assert f"process {process.pid}. Let it end" in second.err
    finally:
        process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert tenfold("nightly", "--config", config).code == 0
    assert len(keys(archive)) == _IMAGES


@contextmanager
def listener(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address on loopback, and what is posted there."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hooks/TOKEN-f00d", posted
        server.shutdown()


def test_a_webhook_is_told_and_not_recorded(source: Path, archive: Path, config: Path) -> None:
    (source / "bad.png").write_bytes(b"no image")
    with listener() as (url, posted):
        ran, night = nightly(config, "--webhook", url)
        assert ran.code == 3
        shutil.rmtree(source)
        assert tenfold("nightly", "--config", config, "--webhook", url).code == 1
    posted_first, failed = posted
    assert (posted_first["ok"], posted_first["exit_code"], posted_first["summary"]) == (False, 3, night)
    assert (
        f"{archive}: {_IMAGES + 1} new or changed, 0 unchanged, 0 failed, 1 damaged, 0 dropped."
        in posted_first["text"]
    )
    assert (failed["ok"], failed["exit_code"], failed["summary"]) == (False, 1, None)
    assert "error: Expected a folder, got nothing there" in failed["text"]
    for path in archive.rglob("*"):
        assert path.is_dir() or b"TOKEN-f00d" not in path.read_bytes(), path


def test_a_webhook_that_does_not_take_it_changes_nothing(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.webhook._PAUSE_S", 0.0)
    with listener(status=500) as (url, posted):
        monkeypatch.setenv("TENFOLD_WEBHOOK", url)
        ran = tenfold("nightly", "--config", config)
    assert (ran.code, len(posted)) == (0, 3)
    assert "The webhook at 127.0.0.1 did not take the outcome: HTTP 500." in ran.err
    assert "TOKEN" not in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "`nightly.source`: Field required"),
        (("a", "b", "--deletes", "some"), "Expected keep, drop or a limit"),
        (("@list.txt", "b", "--deletes", "drop"), "a list does not say what is no longer in it"),
        (("a", "b", "--webhook", "ftp://token@host"), "Expected an http(s) URL as webhook"),
        (("a", "b", "--max-seconds", "-1"), "`--max-seconds`: expected greater than 0"),
    ],
    ids=["no source", "policy", "list", "webhook", "seconds"],
)
def test_what_cannot_be_ends_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = tenfold("nightly", *words)
    assert ran.code == 2
    assert message in ran.err
    assert "token" not in ran.err
    assert not list(tmp_path.iterdir())


def test_a_bucket(tmp_path: Path, source: Path, s3_env: S3Server) -> None:
    bucket = s3_env.bucket()
    for path in source.iterdir():
        s3_env.client().put_object(Bucket=bucket, Key=f"photos/{path.name}", Body=path.read_bytes())
    config = tmp_path / "bucket.yaml"
    config.write_text(
        f"nightly: {{source: s3://{bucket}/photos, archive: s3://{bucket}/archive, deletes: drop}}\n"
        "workers: {count: 0}\ncodec: {id: ae-zfp-1, quality: 30}\n"
    )
    assert nightly(config)[0].code == 0
    s3_env.client().delete_object(Bucket=bucket, Key="photos/007.png")
    s3_env.client().put_object(Bucket=bucket, Key="photos/008.png", Body=(source / "009.png").read_bytes())
    ran, night = nightly(config)
    assert (ran.code, night["runs"][0]["images"], night["dropped"]) == (0, 1, 1)
    assert nightly(config)[1]["runs"][0]["images"] == 0
    assert tenfold("verify", f"s3://{bucket}/archive", "--workers", "0").code == 0
