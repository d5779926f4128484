"""What `tenfold info` says is what lies there, and what the rows come to."""

from __future__ import annotations

from pathlib import Path

from pipeline.archive.decoders import store_decoder
from pipeline.info.run import read_info
from pipeline.store.storage import Storage
from tests.support.image_archives import files, fill, kept
from tests.support.road import tenfold
from tests.support.shard_rows import make_row


def archive_with_a_past(folder: Path) -> Path:
    """Four images; one of them in another version before, whose shard nobody needs any more."""
    old = make_row("a.jpg", b"a" * 40, source_size=400, source_sha256="1" * 64, source_etag="old")
    new = make_row("a.jpg", b"a" * 50, source_size=500, weights="ab" * 8)
    fill(str(folder), [old])
    rows = [
        new,
        kept("b.png", b"b" * 100, "a reason"),
        make_row("c.jpg", None, reason="the source file is no longer there", codec=None),
        make_row("d.jpg", b"d" * 25, source_size=300, weights="ab" * 8, preview=b"d"),
    ]
    fill(str(folder), rows, number=1)
    return folder


def test_everything_is_counted(tmp_path: Path) -> None:
    folder = archive_with_a_past(tmp_path / "archive")
    (folder / "codec").mkdir()
    (folder / "codec" / f"{'ab' * 8}.safetensors").write_bytes(b"w" * 1000)
    store_decoder(Storage(str(folder)), b"keen", name="keen", shows=b"\xab" * 8)
    info = read_info(Storage(str(folder)))
    assert info.decoders == ["keen"]
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files(folder)}
    assert info.archive_bytes == sum(sizes.values())
    assert {name: one.bytes for name, one in info.folders.items()} == {
        name: sum(size for path, size in sizes.items() if path.startswith(f"{name}/"))
        for name in {path.split("/")[0] for path in sizes}
    }
    assert (info.previews, info.albums) == (1, 0)
    by_status = {status: (one.images, one.payload_bytes) for status, one in info.by_status.items()}
    assert by_status == {"coded": (2, 75), "kept": (1, 100), "failed": (1, 0)}
    assert (info.images, info.payload_bytes) == (4, 175)
    assert info.source_bytes == 500 + 300 + 90_000
    assert info.codecs == {"ae-zfp-1": 2}
    assert [(one.images, one.bytes) for one in info.weights] == [(2, 1000)]
    assert info.source_formats == {"JPEG": 2, "PNG": 1}
    shards = {path: size for path, size in sizes.items() if path.startswith("shards/")}
    before, now = (shards[path] for path in sorted(shards))
    assert info.metadata_bytes == now - 175
    assert info.older_versions.bytes >= before, "the old shard, and catalogue files that a commit replaced"
    assert (info.oldest_version, info.version) == (0, 2)


def test_it_is_one_screen(tmp_path: Path) -> None:
    folder = archive_with_a_past(tmp_path / "archive")
    ran = tenfold("info", folder)
    assert len(ran.out.splitlines()) < 24
    assert "4: 2 coded, 1 kept, 1 failed" in ran.out
    assert tenfold("info", folder, "--json").json()["by_status"]["kept"]["images"] == 1
    assert tenfold("info", tmp_path / "none").code == 10
