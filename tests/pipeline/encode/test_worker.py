"""The encoder worker without Ray: targets, qualities and what becomes of odd images, in the rows it publishes."""

from __future__ import annotations

import io
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch

import pipeline.archive.shards
import pipeline.encode.tasks
from codec.bitstream import pack_envelope, parse_envelope
from codec.contract import RGB, Encoded, EncodeOptions, Prepared
from pipeline.archive.stored_plan import StoredPlan
from pipeline.config import CodecConfig, CompressConfig, WorkersConfig
from pipeline.encode.tasks import EncoderSpec, EncodeTask
from pipeline.encode.worker import EncoderWorker
from pipeline.errors import ConfigError
from pipeline.source.parse import parse_source
from pipeline.source.source import SourceConfig
from pipeline.store.storage import Storage
from tests.support.image_files import waves
from tests.support.photographs import picture as photograph
from tests.support.plain_codec import PlainCodec, PlainImage, load_plain


class Allergic(PlainCodec):
    """Cannot take images that are 13 pixels wide."""

    def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
        if any(image.shape[1] == 13 for image in images):
            raise RuntimeError("13 pixels")
        return super().prepare(images)


class Damaging(PlainCodec):
    """A bit of every payload flips once it is made: the first at its start, later ones further on."""

    made = 0

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        return [self._damaged(encoded) for encoded in super().finish(prepared, options)]

    def _damaged(self, encoded: Encoded) -> Encoded:
        payload = bytearray(encoded.payload)
        payload[self.made * 7 % len(payload)] ^= 1 << self.made % 8
        self.made += 1
        return replace(encoded, payload=bytes(payload))


def encode(
    folder: Path,
    files: dict[str, bytes],
    codec: PlainCodec | None = None,
    *,
    previews: bool = True,
    **codec_options: Any,
) -> list[dict[str, Any]]:
    """One unit with these files through a worker; its rows by key."""
    source_folder = folder / "source"
    source_folder.mkdir()
    for name, data in files.items():
        (source_folder / name).write_bytes(data)
    source, archive = parse_source(str(source_folder)), Storage(str(folder / "archive"))
    StoredPlan(archive, "run").store(0, list(source.images()))
    config = CompressConfig(
        codec=CodecConfig(**codec_options), workers=WorkersConfig(batch_megapixels=0.02), previews=previews
    )
    worker = EncoderWorker(
        codecs=[codec or Allergic()], source=source, archive=archive, config=config, threads=1
    )
    try:
        result = worker.run(EncodeTask(run="run", number=0))
    finally:
        worker.close()
    rows: list[dict[str, Any]] = result.rows.sort_by("key").to_pylist()
    assert [row["key"] for row in rows] == sorted(files)
    return rows


def coded_bpp(rows: list[dict[str, Any]]) -> float:
    coded = [row for row in rows if row["status"] == "coded"]
    pixels = sum(row["width"] * row["height"] for row in coded)
    return float(8 * sum(row["payload_length"] for row in coded) / pixels)


@pytest.mark.parametrize("count", [1, 2, 9, 30])
def test_a_unit_meets_its_target_on_real_bytes(tmp_path: Path, count: int) -> None:
    rows = encode(tmp_path, {f"{n:03d}.png": waves(n) for n in range(count)}, bpp=5.0)
    assert {row["status"] for row in rows} == {"coded"}
    assert coded_bpp(rows) == pytest.approx(5.0, rel=0.02)


def longer(payload: bytes) -> bytes:
    """A payload that decodes to the same, with as much again behind it as makes it a twentieth longer."""
    envelope = parse_envelope(payload)
    return pack_envelope(replace(envelope, body=envelope.body + bytes(len(payload) // 20)))


class Refined(PlainImage):
    """One that effort was spent on."""


class Refining(PlainCodec):
    """Effort makes payloads a twentieth longer than estimated."""

    def __init__(self) -> None:
        super().__init__()
        self.refiner = self

    def refine(
        self, images: Sequence[RGB], prepared: Sequence[Prepared], options: Sequence[EncodeOptions]
    ) -> list[Prepared]:
        return [Refined(image) for image in images]

    def finish(self, prepared: Sequence[Prepared], options: Sequence[EncodeOptions]) -> list[Encoded]:
        plain = super().finish(prepared, options)
        return [
            replace(one, payload=longer(one.payload)) if isinstance(of, Refined) else one
            for of, one in zip(prepared, plain, strict=True)
        ]


@pytest.mark.parametrize("count", [1, 9])
def test_effort_meets_the_target_too(tmp_path: Path, count: int) -> None:
    files = {f"{n:03d}.png": waves(n) for n in range(count)}
    rows = encode(tmp_path, files, codec=Refining(), bpp=5.0, effort=2)
    assert {row["effort"] for row in rows} == {2}
    assert coded_bpp(rows) == pytest.approx(5.0, rel=0.02)


def test_images_that_are_not_coded_do_not_count(tmp_path: Path) -> None:
    files = {f"{n:03d}.png": waves(n) for n in range(10)}
    small = io.BytesIO()  # noise as JPEG: deflate does not come near it at the unit's quality
    noise = np.random.default_rng(7).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    PIL.Image.fromarray(noise).save(small, "JPEG", quality=10)
    deep = io.BytesIO()
    PIL.Image.new("I;16", (64, 48)).save(deep, "PNG")
    odd = {
        "small.jpg": small.getvalue(),
        "deep.png": deep.getvalue(),
        "broken.png": b"\x89PNG\r\n\x1a\n",
        "w13.png": waves(1, 13),
    }
    rows = encode(tmp_path, {**files, **odd}, bpp=5.0)
    by_key = {row["key"]: row for row in rows}
    assert (by_key["broken.png"]["status"], by_key["broken.png"]["damaged"]) == ("kept", True)
    assert "16-bit" in by_key["deep.png"]["reason"]
    assert "is not smaller than the source" in by_key["small.jpg"]["reason"]
    assert by_key["w13.png"]["reason"] == "the codec could not encode it: RuntimeError: 13 pixels"
    assert {by_key[key]["status"] for key in files} == {"coded"}
    assert coded_bpp(rows) == pytest.approx(5.0, rel=0.02)


def test_a_payload_that_is_damaged_before_it_is_checked_is_never_stored(tmp_path: Path) -> None:
    files = {f"{number}.png": waves(number) for number in range(5)}
    for row in encode(tmp_path, files, Damaging(), quality=40):
        assert row["status"] == "kept"
        assert row["reason"].startswith("the codec could not encode it: BitstreamError: ")


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_a_batch_without_room_is_halved_and_lets_go_of_what_it_took(
    tmp_path: Path, error: type[Exception]
) -> None:
    class Small(PlainCodec):
        """Has room for two images; `held` are the arrays that a failed call took and that nobody let go."""

        def __init__(self) -> None:
            super().__init__()
            self.taken: list[weakref.ref[Any]] = []
            self.held = 0

        def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
            self.held += sum(array() is not None for array in self.taken)
            mine = np.zeros(len(images))
            self.taken.append(weakref.ref(mine))
            if len(images) > 2:
                raise error("no room")
            return super().prepare(images)

    codec = Small()
    rows = encode(tmp_path, {f"{n}.png": waves(n) for n in range(6)}, codec=codec, quality=21)
    assert {row["status"] for row in rows} == {"coded"}
    assert len(codec.taken) > 3
    assert codec.held == 0


def test_one_image_without_room_is_no_kept_image(tmp_path: Path) -> None:
    class Full(PlainCodec):
        def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
            raise torch.OutOfMemoryError("no room")

    with pytest.raises(torch.OutOfMemoryError, match="no room"):
        encode(tmp_path, {"a.png": waves(1)}, codec=Full())


def test_a_lost_gpu_keeps_no_image(tmp_path: Path) -> None:
    class LostDevice(PlainCodec):
        def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
            raise RuntimeError("CUDA error: unspecified launch failure")

    with pytest.raises(RuntimeError, match="launch failure"):
        encode(tmp_path, {"a.png": waves(1), "b.png": waves(2)}, codec=LostDevice())


def test_a_file_that_no_shard_can_hold_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline.archive.shards, "_MAX_ROW_BYTES", 5000)
    files = {"deep.png": deep_photo(), "fits.png": waves(1, 8, 8), "later.png": waves(2, 8, 8)}
    deep, *others = encode(tmp_path, files)
    assert (deep["status"], deep["payload_length"], deep["source_sha256"] is None) == ("failed", None, False)
    assert deep["reason"].startswith("expected an image that is stored in under 2 GiB, got ")
    assert {row["status"] for row in others} == {"lossless"}


def test_a_worker_with_other_weights_than_its_archive_keeps_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline.encode.tasks, "load_codec", load_plain)
    source, config = SourceConfig(url=str(tmp_path)), CompressConfig(codec=CodecConfig(id="plain"))
    spec = EncoderSpec(archive_url=str(tmp_path), source=source, config=config)
    replace(spec, own_weights=frozenset(PlainCodec().weights)).build(threads=1).close()
    with pytest.raises(ConfigError, match="another release of Tenfold is installed there"):
        replace(spec, own_weights=frozenset({f"{0:016x}.safetensors"})).build(threads=1)


def test_a_quality_is_kept_to(tmp_path: Path) -> None:
    rows = encode(tmp_path, {f"{n}.png": waves(n) for n in range(5)}, quality=21)
    assert [row["quality"] for row in rows] == [21] * 5


def test_without_being_told_the_codecs_default_holds(tmp_path: Path) -> None:
    class Bold(PlainCodec):
        default_quality = 12

    rows = encode(tmp_path, {"a.png": waves(1)}, codec=Bold(), min_psnr_db=0)
    assert rows[0]["quality"] == 12


def test_floors_beat_the_target(tmp_path: Path) -> None:
    rows = encode(tmp_path, {f"{n}.png": waves(n) for n in range(6)}, bpp=1.0, min_psnr_db=38)
    assert all(row["psnr_db"] >= 38 for row in rows)
    assert coded_bpp(rows) > 1.5


def test_floors_work_with_a_quality(tmp_path: Path) -> None:
    rows = encode(tmp_path, {f"{n}.png": waves(n) for n in range(4)}, quality=5, min_psnr_db=30)
    assert all(30 <= row["psnr_db"] < 33 and row["quality"] > 5 for row in rows)


def test_a_unit_is_coded_the_same_way_every_time(tmp_path: Path) -> None:
    files = {f"{n:03d}.png": waves(n) for n in range(30)}
    runs = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        rows = encode(tmp_path / name, files, bpp=4.0)
        runs.append([(row["quality"], row["payload_crc32c"]) for row in rows])
    assert runs[0] == runs[1]


def test_equal_files_are_coded_once_and_lie_once(tmp_path: Path) -> None:
    class Counting(PlainCodec):
        seen = 0

        def prepare(self, images: Sequence[RGB]) -> list[Prepared]:
            Counting.seen += len(images)
            return super().prepare(images)

    files = {f"{n}.png": waves(n % 3) for n in range(12)} | {"x.tif": b"no", "y.jpg": b"no"}
    rows = encode(tmp_path, files, codec=Counting(), bpp=5.0)
    assert Counting.seen == 12 + 3  # all of the sample, then the different ones
    assert len({row["payload_offset"] for row in rows}) == 4
    assert len({row["key"]: row["source_url"] for row in rows}.values()) == 14
    assert coded_bpp(rows) == pytest.approx(5.0, rel=0.02)
    assert [row["damaged"] for row in rows[-2:]] == [True, True]


def big_photo(**options: Any) -> bytes:
    """A PNG of which `PlainCodec` makes a payload that has room for a preview."""
    stream = io.BytesIO()
    PIL.Image.fromarray(photograph(240, 320)).save(stream, "PNG", **options)
    return stream.getvalue()


def deep_photo() -> bytes:
    """The same, its green in 16 bits: kept as it is."""
    stream = io.BytesIO()
    PIL.Image.fromarray(photograph(240, 320)[..., 1].astype(np.uint16) * 257).save(stream, "PNG")
    return stream.getvalue()


def test_what_shows_an_image_at_once_is_stored_with_it(tmp_path: Path) -> None:
    turned = PIL.Image.Exif()
    turned[0x0112] = 6
    files = {
        "broken-profile.png": big_photo(icc_profile=b"no profile"),
        "cut.png": big_photo()[:5000],
        "deep.png": deep_photo(),
        "plain.png": big_photo(),
        "small.png": waves(1, 24, 32),
        "turned.png": big_photo(exif=turned.tobytes()),
    }
    rows = {row["key"]: row for row in encode(tmp_path, files, quality=40)}
    shown = {key for key, row in rows.items() if row["thumbhash"] is not None}
    assert (
        shown
        == {key for key, row in rows.items() if row["preview_length"]}
        == files.keys() - {"cut.png", "small.png"}
    )
    assert rows["turned.png"]["thumbhash"] != rows["plain.png"]["thumbhash"]
    assert (rows["deep.png"]["status"], rows["deep.png"]["orientation"]) == ("kept", None)
    assert all(rows[key]["preview_length"] <= rows[key]["payload_length"] / 100 for key in shown)


def test_who_wants_no_previews_has_none(tmp_path: Path) -> None:
    (row,) = encode(tmp_path, {"plain.png": big_photo()}, quality=40, previews=False)
    assert (row["thumbhash"], row["preview_offset"]) == (None, None)
